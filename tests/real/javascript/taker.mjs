// A wallet made of libraries that others wrote takes a badge: the protocol is openid4vci's, the signatures are jose's.
// One JSON command a line on standard input, one JSON answer. It asks the issuing office, and nobody else.
import {Openid4vciClient} from '@openid4vc/openid4vci';
import {setGlobalConfig} from '@openid4vc/oauth2';
import {createHash, randomBytes} from 'node:crypto';
import {createInterface} from 'node:readline';
import * as jose from 'jose';

setGlobalConfig({allowInsecureUrls: true}); // the office under test is on loopback

function walletWith(key) {
  return new Openid4vciClient({callbacks: {
    fetch,
    hash: (data, algorithm) => createHash(algorithm.replace('-', '').toLowerCase()).update(data).digest(),
    generateRandom: length => randomBytes(length),
    decryptJwe: () => ({decrypted: false}),
    encryptJwe: () => { throw new Error('Nothing is encrypted here.'); },
    verifyJwt: () => { throw new Error('Metadata is not signed here.'); },
    getX509CertificateMetadata: () => { throw new Error('No certificates here.'); },
    clientAuthentication: () => {},
    async signJwt(signer, {header, payload}) {
      const jwt = await new jose.SignJWT(payload).setProtectedHeader(header).sign(await jose.importJWK(key.jwk, signer.alg));
      const {d, ...signerJwk} = key.jwk;
      return {jwt, signerJwk};
    },
  }});
}

function told(error) {
  return {message: `${error?.message ?? error}`.slice(0, 400)};
}

// `wrong`: what this wallet does wrong, by name.
async function take({offer, txCode, forms, key, bare, wrong = ''}) {
  const wallet = walletWith(key);
  const credentialOffer = await wallet.resolveCredentialOffer(offer);
  const issuerMetadata = await wallet.resolveIssuerMetadata(credentialOffer.credential_issuer);
  const {accessTokenResponse} = await wallet.retrievePreAuthorizedCodeAccessTokenFromOffer({
    credentialOffer, issuerMetadata, txCode,
  });
  const accessToken = wrong === 'token' ? 'another' : accessTokenResponse.access_token;
  const credentials = {};
  let nonce = null, notificationId = null;
  for(const form of forms) {
    const id = credentialOffer.credential_configuration_ids.find(one =>
      issuerMetadata.credentialIssuer.credential_configurations_supported[one].format === form);
    if(!nonce || wrong !== 'nonce twice') {
      nonce = (await wallet.requestNonce({issuerMetadata})).c_nonce;
    }
    const {d, ...publicJwk} = key.jwk;
    const {jwt} = await wallet.createCredentialRequestJwtProof({
      issuerMetadata: wrong !== 'audience' ? issuerMetadata : {
        ...issuerMetadata,
        credentialIssuer: {...issuerMetadata.credentialIssuer, credential_issuer: 'https://elsewhere.example'},
      },
      credentialConfigurationId: id,
      nonce: wrong === 'nonce' ? 'made-up' : nonce,
      issuedAt: wrong === 'old' ? new Date(Date.now() - 3600_000) : undefined,
      clientId: wrong === 'client' ? 'somebody' : undefined,
      signer: bare ? {method: 'jwk', publicJwk, alg: key.alg} : {method: 'did', didUrl: key.kid, alg: key.alg},
    });
    const proof = wrong === 'signature' ? `${jwt.slice(0, -12)}${'A'.repeat(12)}` : jwt;
    const answer = await wallet.retrieveCredentials({
      issuerMetadata, accessToken, credentialConfigurationId: id, proofs: {jwt: [proof]},
    });
    credentials[form] = answer.credentialResponse.credentials[0].credential;
    notificationId = answer.credentialResponse.notification_id;
  }
  await wallet.sendNotification({
    issuerMetadata, accessToken, notification: {notificationId, event: 'credential_accepted'},
  });
  return {credentials, version: issuerMetadata.originalDraftVersion, accessToken};
}

for await (const line of createInterface({input: process.stdin})) {
  let answer;
  try {
    answer = await take(JSON.parse(line));
  } catch(error) {
    answer = told(error);
  }
  console.log(JSON.stringify(answer));
}
