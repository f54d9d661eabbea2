import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import 'reflect-metadata';
import { Pkcs10CertificateRequestGenerator, X509CertificateGenerator } from '@peculiar/x509';
import { createErrors, updated, words } from '../../../testing/spec-support.js';

const path = 'certificates.k8s.io/v1/certificatesigningrequests';

type KeyAlgorithm = webcrypto.RsaHashedKeyGenParams | webcrypto.EcKeyGenParams | { name: 'Ed25519' };

async function pemRequest(algorithm: KeyAlgorithm, hash = 'SHA-256'): Promise<string> {
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const signingAlgorithm = { name: algorithm.name, hash } as never;
  const name = 'CN=jane,O=devs';
  const request = await Pkcs10CertificateRequestGenerator.create({ name, keys, signingAlgorithm }, webcrypto as never);
  return request.toString('pem');
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const p256 = { name: 'ECDSA', namedCurve: 'P-256' };
const rsa = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' };
const good = await pemRequest(p256);
const goodBytes = Buffer.from(good.replace(/-----[^-]+-----/g, ''), 'base64');
const pem = (bytes: Buffer, type = 'CERTIFICATE REQUEST') =>
  `-----BEGIN ${type}-----\n${bytes.toString('base64')}\n-----END ${type}-----\n`;
/** Its last byte is in the signature, its 40th in the subject. */
const changed = (at: number) => {
  const bytes = Buffer.from(goodBytes);
  bytes[at < 0 ? bytes.length + at : at]! ^= 1;
  return pem(bytes);
};

const body = (more: object = {}) => ({
  spec: { request: base64(good), signerName: 'example.com/signer', usages: ['client auth'], ...more },
});
const supported =
  '"any", "cert sign", "client auth", "code signing", "content commitment", "crl sign", "data encipherment", "decipher only", "digital signature", "email protection", "encipher only", "ipsec end system", "ipsec tunnel", "ipsec user", "key agreement", "key encipherment", "microsoft sgc", "netscape sgc", "ocsp signing", "s/mime", "server auth", "signing", "timestamping"';

describe('creates', () => {
  const table: [what: string, spec: object, errors: string[]][] = [
    ['a good one', {}, []],
    [
      'the legacy signer',
      { signerName: 'kubernetes.io/legacy-unknown' },
      [
        'spec.signerName: Invalid value: "kubernetes.io/legacy-unknown": the legacy signerName is not allowed via this API version',
      ],
    ],
    ['without signer', { signerName: '' }, ['spec.signerName: Required value']],
    [
      'a signer without path',
      { signerName: 'signer' },
      [
        `spec.signerName: Invalid value: "signer": must be a fully qualified domain and path of the form 'example.com/signer-name'`,
      ],
    ],
    [
      'a signer of one label',
      { signerName: 'example/signer' },
      ['spec.signerName: Invalid value: "example": should be a domain with at least two segments separated by dots'],
    ],
    [
      'a signer with capitals',
      { signerName: 'example.com/Signer' },
      [`spec.signerName: Invalid value: "Signer": validating label "Signer": ${words.subdomain}`],
    ],
    ['without usages', { usages: [] }, ['spec.usages: Required value']],
    [
      'unknown and repeated usages',
      { usages: ['client auth', 'magic', 'client auth'] },
      [
        `spec.usages[1]: Unsupported value: "magic": supported values: ${supported}`,
        'spec.usages[2]: Duplicate value: "client auth"',
      ],
    ],
    [
      'a short life',
      { expirationSeconds: 599 },
      ['spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 600 seconds (10 minutes)'],
    ],
    ['ten minutes', { expirationSeconds: 600 }, []],
  ];
  for (const [what, spec, errors] of table) {
    test(what, () => assert.deepEqual(createErrors(path, body(spec)), errors));
  }
});

const ofRsa = await pemRequest({ name: 'RSASSA-PKCS1-v1_5', ...rsa });
const ofP384 = await pemRequest({ name: 'ECDSA', namedCurve: 'P-384' }, 'SHA-384');
const ofEd25519 = await pemRequest({ name: 'Ed25519' });

describe('the request', () => {
  const requests: [what: string, pem: string, problem: string | undefined][] = [
    ['RSA', ofRsa, undefined],
    ['P-384', ofP384, undefined],
    ['Ed25519', ofEd25519, undefined],
    ['text before it', `a note\n${good}`, undefined],
    ['a changed signature', changed(-1), 'x509: ECDSA verification failure'],
    ['a changed subject', changed(40), 'x509: ECDSA verification failure'],
    ['no PEM', 'hello', 'PEM block type must be CERTIFICATE REQUEST'],
    ['another block', pem(goodBytes, 'CERTIFICATE'), 'PEM block type must be CERTIFICATE REQUEST'],
    ['cut off', pem(goodBytes.subarray(0, 100)), 'x509: malformed certificate request: data truncated'],
    [
      'more after it',
      pem(Buffer.concat([goodBytes, Buffer.from('x')])),
      'x509: malformed certificate request: trailing data',
    ],
    ['nothing in it', pem(Buffer.alloc(0)), 'x509: malformed certificate request: data truncated'],
    [
      'an endless length',
      pem(Buffer.from('3084ffffffff', 'hex')),
      'x509: malformed certificate request: data truncated',
    ],
  ];
  for (const [what, text, problem] of requests) {
    test(what, () => {
      const request = base64(text);
      const expected = problem === undefined ? [] : [`spec.request: Invalid value: "${request}": ${problem}`];
      assert.deepEqual(createErrors(path, body({ request })), expected);
    });
  }
});

const keys = (await webcrypto.subtle.generateKey(p256, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
const algorithm = { name: 'ECDSA', hash: 'SHA-256' } as never;
const made = { name: 'CN=jane', keys, signingAlgorithm: algorithm };
const issued = base64((await X509CertificateGenerator.createSelfSigned(made, webcrypto as never)).toString('pem'));

describe('updates', () => {
  const condition = (type: string, status = 'True') => ({ type, status, reason: 'r', message: 'm' });
  const set =
    (status: object) =>
    (csr: any): void => {
      csr.status = status;
    };
  const table: [what: string, endpoint: string, change: (csr: any) => void, errors: string[]][] = [
    ['approval', 'approval', set({ conditions: [condition('Approved')] }), []],
    [
      'approval and denial',
      'approval',
      set({ conditions: [condition('Approved'), condition('Denied')] }),
      ['status.conditions: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive'],
    ],
    [
      'an approval that is not true',
      'approval',
      set({ conditions: [condition('Approved', 'False')] }),
      ['status.conditions[0].status: Unsupported value: "False": supported values: "True"'],
    ],
    [
      'the same type twice, and none',
      'approval',
      set({ conditions: [condition('x'), condition('x'), condition('')] }),
      ['status.conditions[1].type: Duplicate value: "x"', 'status.conditions[2].type: Required value'],
    ],
    [
      'approval by way of status',
      'status',
      set({ conditions: [condition('Approved')] }),
      ['status.conditions: Forbidden: updates may not add a condition of type "Approved"'],
    ],
    ['a certificate', 'status', set({ certificate: issued }), []],
    [
      'no certificate',
      'status',
      set({ certificate: base64('hello') }),
      ['status.certificate: Invalid value: "<certificate data>": must contain at least one CERTIFICATE PEM block'],
    ],
    [
      'another block as certificate',
      'status',
      set({ certificate: base64(good) }),
      [
        'status.certificate: Invalid value: "<certificate data>": only CERTIFICATE PEM blocks are allowed, found "CERTIFICATE REQUEST"',
      ],
    ],
  ];
  for (const [what, endpoint, change, errors] of table) {
    test(what, () => assert.deepEqual(updated(path, body(), change, endpoint).errors, errors));
  }
});
