// A wallet made of libraries that others wrote: the protocol (openid4vp), the query language (dcql), the signatures
// (vc, jose). One JSON command on standard input, one JSON answer. It asks the verifying office, and nobody else.
import {Openid4vpClient} from '@openid4vc/openid4vp';
import {setGlobalConfig} from '@openid4vc/oauth2';
import {DcqlQuery} from 'dcql';
import {createHash, randomBytes} from 'node:crypto';
import {createInterface} from 'node:readline';
import * as vc from '@digitalbazaar/vc';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey';
import {cryptosuite as eddsaRdfc} from '@digitalbazaar/eddsa-rdfc-2022-cryptosuite';
import * as jose from 'jose';

setGlobalConfig({allowInsecureUrls: true}); // the office under test is on loopback

// did:web, as a wallet on this machine finds it: http for localhost, else https.
async function keyOfDidUrl(didUrl) {
  const [host] = didUrl.split('#')[0].slice('did:web:'.length).split(':').map(decodeURIComponent);
  const found = await (await fetch(`http://${host}/.well-known/did.json`)).json();
  const method = found.verificationMethod.find(one => one.id === didUrl);
  if(!method || !found.authentication.includes(didUrl)) {
    throw new Error(`No key ${didUrl}`);
  }
  return method.publicKeyJwk;
}

const client = new Openid4vpClient({callbacks: {
  hash: (data, algorithm) => createHash(algorithm.replace('-', '').toLowerCase()).update(data).digest(),
  generateRandom: length => randomBytes(length),
  decryptJwe: () => ({decrypted: false}),
  encryptJwe: () => { throw new Error('Nothing is encrypted here.'); },
  signJwt: () => { throw new Error('A response is not signed here.'); },
  getX509CertificateMetadata: () => { throw new Error('No certificates here.'); },
  fetch,
  async verifyJwt(signer, jwt) {
    const signerJwk = await keyOfDidUrl(signer.didUrl);
    await jose.compactVerify(jwt.compact, await jose.importJWK(signerJwk, signer.alg));
    return {verified: true, signerJwk};
  },
}});

async function signed({form, credential, key, documents, nonce, clientId}) {
  if(form === 'jwt_vc_json') {
    const vp = {
      '@context': ['https://www.w3.org/2018/credentials/v1'],
      type: ['VerifiablePresentation'],
      verifiableCredential: [credential],
    };
    const holder = key.kid.split('#')[0];
    return new jose.SignJWT({vp, nonce}).setProtectedHeader({alg: 'EdDSA', kid: key.kid, typ: 'JWT'})
      .setIssuer(holder).setAudience(clientId).setIssuedAt().sign(await jose.importJWK(key.jwk, 'EdDSA'));
  }
  const pair = await Ed25519Multikey.from({
    '@context': 'https://w3id.org/security/multikey/v1', type: 'Multikey', id: key.kid,
    controller: key.kid.split('#')[0], publicKeyMultibase: key.publicKeyMultibase,
    secretKeyMultibase: key.secretKeyMultibase,
  });
  const presentation = vc.createPresentation({
    verifiableCredential: credential, holder: key.kid.split('#')[0], version: 2.0, verify: false,
  });
  return vc.signPresentation({
    presentation,
    suite: new DataIntegrityProof({signer: pair.signer(), cryptosuite: eddsaRdfc}),
    challenge: nonce,
    domain: clientId,
    documentLoader: async url => {
      if(!documents[url]) {
        throw new Error(`Not at hand: ${url}`);
      }
      return {contextUrl: null, documentUrl: url, document: documents[url]};
    },
  });
}

async function show({link, form, credential, types, claims, key, documents}) {
  const {params} = client.parseOpenid4vpAuthorizationRequest({authorizationRequest: link});
  const resolved = await client.resolveOpenId4vpAuthorizationRequest({authorizationRequestPayload: params});
  const request = resolved.authorizationRequestPayload;
  const query = DcqlQuery.parse(resolved.dcql.query);
  DcqlQuery.validate(query);
  const found = DcqlQuery.query(query, [{
    credential_format: form, type: types, claims, cryptographic_holder_binding: true,
  }]);
  const matched = Object.entries(found.credential_matches).filter(([, match]) => match.success).map(([id]) => id);
  if(!found.can_be_satisfied) {
    return {satisfied: false, matched};
  }
  const presentation = await signed(
    {form, credential, key, documents, nonce: request.nonce, clientId: request.client_id});
  const {authorizationResponsePayload} = await client.createOpenid4vpAuthorizationResponse({
    authorizationRequestPayload: request,
    authorizationResponsePayload: {vp_token: {[matched[0]]: [presentation]}},
  });
  const sent = await client.submitOpenid4vpAuthorizationResponse({
    authorizationRequestPayload: request, authorizationResponsePayload,
  });
  return {
    satisfied: true, matched, version: resolved.version, prefix: resolved.client.prefix,
    status: sent.response.status, answer: await sent.response.json(),
  };
}

for await (const line of createInterface({input: process.stdin})) {
  let answer;
  try {
    answer = await show(JSON.parse(line));
  } catch(error) {
    answer = {error: `${error?.stack ?? error}`, cause: String(error?.cause ?? '')};
  }
  console.log(JSON.stringify(answer));
}
