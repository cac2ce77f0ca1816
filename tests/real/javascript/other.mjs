// Another implementation, asked over standard input: one JSON command a line, one JSON answer a line. Tests only.
// It fetches nothing: every document that it may load comes with the command.
import {createInterface} from 'node:readline';
import * as vc from '@digitalbazaar/vc';
import {checkStatus} from '@digitalbazaar/vc-bitstring-status-list';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import * as EcdsaMultikey from '@digitalbazaar/ecdsa-multikey';
import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey';
import {cryptosuite as ecdsaRdfc} from '@digitalbazaar/ecdsa-rdfc-2019-cryptosuite';
import {cryptosuite as eddsaRdfc} from '@digitalbazaar/eddsa-rdfc-2022-cryptosuite';
import {createSignCryptosuite, createVerifyCryptosuite} from '@digitalbazaar/eddsa-jcs-2022-cryptosuite';
import * as ecdsaSd from '@digitalbazaar/ecdsa-sd-2023-cryptosuite';
import jsigs from 'jsonld-signatures';
import * as jose from 'jose';

const SUITES = {
  'eddsa-rdfc-2022': [eddsaRdfc, Ed25519Multikey],
  'eddsa-jcs-2022': [createVerifyCryptosuite(), Ed25519Multikey],
  'ecdsa-rdfc-2019': [ecdsaRdfc, EcdsaMultikey],
};
const {AuthenticationProofPurpose, AssertionProofPurpose} = jsigs.purposes;

function loaderOf(documents) {
  return async url => {
    const [base, fragment] = url.split('#');
    const found = documents[base] ?? documents[url];
    if(!found) {
      throw new Error(`Not at hand: ${url}`);
    }
    const method = fragment && (found.verificationMethod ?? []).find(one => one.id === url);
    const document = method ? {'@context': 'https://w3id.org/security/multikey/v1', ...method} : found;
    return {contextUrl: null, documentUrl: url, document};
  };
}

async function keyOf({kid, secretKeyMultibase, publicKeyMultibase}, library) {
  return library.from({
    '@context': 'https://w3id.org/security/multikey/v1',
    type: 'Multikey', id: kid, controller: kid.split('#')[0], publicKeyMultibase, secretKeyMultibase,
  });
}

function failure(error) {
  const all = [error, ...(error?.errors ?? [])].map(one => one?.message ?? String(one));
  return {verified: false, error: all.join(' | ')};
}

const verbs = {
  async verifyCredential({document, documents, suites}) {
    const suite = suites.map(name => new DataIntegrityProof({
      cryptosuite: name === 'ecdsa-sd-2023' ? ecdsaSd.createVerifyCryptosuite() : SUITES[name][0],
    }));
    const documentLoader = loaderOf(documents);
    const asked = {credential: document, suite, documentLoader};
    if(document.credentialStatus) {
      asked.checkStatus = async options => {
        const told = await checkStatus({...options, suite, documentLoader, verifyMatchingIssuers: true});
        const set = (told.results ?? []).filter(one => one.status).map(one => one.credentialStatus.statusPurpose);
        return set.length ? {verified: false, error: new Error(`The bit is set: ${set}`)} : told;
      };
    }
    const result = await vc.verifyCredential(asked);
    return result.verified ? {verified: true} : failure(result.error ?? result.statusResult?.error);
  },
  async verifyPresentation({document, documents, suites, challenge, domain}) {
    const suite = suites.map(name => new DataIntegrityProof({cryptosuite: SUITES[name][0]}));
    const presentationPurpose = new AuthenticationProofPurpose({challenge, domain});
    const asked = {presentation: document, suite, presentationPurpose, documentLoader: loaderOf(documents)};
    const result = await vc.verify({...asked, challenge, domain});
    return result.verified ? {verified: true} : failure(result.error);
  },
  async sign({document, documents, suite: name, key, date, challenge, domain}) {
    const [verifying, library] = SUITES[name];
    const cryptosuite = name === 'eddsa-jcs-2022' ? createSignCryptosuite() : verifying;
    const signer = (await keyOf(key, library)).signer();
    const suite = new DataIntegrityProof({signer, date, cryptosuite});
    const purpose = challenge ? new AuthenticationProofPurpose({challenge, domain}) : new AssertionProofPurpose();
    return {document: await jsigs.sign(document, {suite, purpose, documentLoader: loaderOf(documents)})};
  },
  async disclose({document, documents, key, mandatory, selective}) {
    const signer = (await keyOf(key, EcdsaMultikey)).signer();
    const documentLoader = loaderOf(documents);
    const purpose = new AssertionProofPurpose();
    const signing = ecdsaSd.createSignCryptosuite({mandatoryPointers: mandatory});
    const base = await jsigs.sign(
      document, {suite: new DataIntegrityProof({signer, cryptosuite: signing}), purpose, documentLoader});
    const disclosing = ecdsaSd.createDiscloseCryptosuite({selectivePointers: selective});
    const suite = new DataIntegrityProof({cryptosuite: disclosing});
    return {base, document: await jsigs.derive(base, {suite, purpose, documentLoader})};
  },
  async verifyToken({token, jwk, alg}) {
    const key = await jose.importJWK(jwk, alg);
    const {payload, protectedHeader} = await jose.compactVerify(token, key, {algorithms: [alg]});
    return {verified: true, header: protectedHeader, payload: new TextDecoder().decode(payload)};
  },
  async signToken({payload, jwk, header}) {
    const key = await jose.importJWK(jwk, header.alg);
    const bytes = new TextEncoder().encode(JSON.stringify(payload));
    return {token: await new jose.CompactSign(bytes).setProtectedHeader(header).sign(key)};
  },
};

for await (const line of createInterface({input: process.stdin})) {
  let answer;
  try {
    const {verb, ...command} = JSON.parse(line);
    answer = await verbs[verb](command);
  } catch(error) {
    answer = failure(error);
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}
