import 'reflect-metadata';
import { generateKeyPairSync, type KeyObject, webcrypto } from 'node:crypto';
import {
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { formatTime } from '#apimachinery';
import { describeRules } from '../../../testing/rule-table.js';
import { now, words } from '../../../testing/spec-support.js';
import { podCertificateRequestValidator } from './pod-certificate-request.validation.js';

const condition = (type: string, status = 'True') => ({
  type,
  status,
  reason: 'R',
  message: '',
  lastTransitionTime: '2026-01-01T00:00:00Z',
});
const { subtle } = webcrypto;
const ECDSA = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const RSA = { name: 'RSASSA-PKCS1-v1_5', publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' };

async function keysOf(algorithm: object): Promise<webcrypto.CryptoKeyPair> {
  return (await subtle.generateKey(algorithm as never, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
}

/** A request without names, base64 of DER as the API carries it. */
async function requestFor(keys: webcrypto.CryptoKeyPair): Promise<string> {
  const signingAlgorithm = { ...keys.privateKey.algorithm, hash: 'SHA-256' } as never;
  const request = await Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm }, webcrypto as never);
  return Buffer.from(request.rawData).toString('base64');
}

const p256 = await keysOf(ECDSA);
const p384 = await requestFor(await keysOf({ ...ECDSA, namedCurve: 'P-384' }));
const p521 = await requestFor(await keysOf({ ...ECDSA, namedCurve: 'P-521' }));
const ed25519 = await requestFor(await keysOf({ name: 'Ed25519' }));
const rsa2048 = await requestFor(await keysOf({ ...RSA, modulusLength: 2048 }));
const rsa3072 = await requestFor(await keysOf({ ...RSA, modulusLength: 3072 }));
/** WebCrypto has no such curve: the key of the good request is replaced, and its signature does not matter. */
const k256 = withOtherKey(await requestFor(p256), generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey);

function withOtherSignature(request: string): string {
  const bytes = Buffer.from(request, 'base64');
  bytes[bytes.length - 1]! ^= 1;
  return bytes.toString('base64');
}

function withOtherKey(request: string, key: KeyObject): string {
  const bytes = Buffer.from(request, 'base64');
  const wanted = key.export({ type: 'spki', format: 'der' });
  const curve = Buffer.from('06082a8648ce3d030107', 'hex');
  const start = bytes.indexOf(curve) - '301306072a8648ce3d0201'.length / 2 - 2;
  const length = 2 + bytes[start + 1]!;
  const grown = wanted.length - length;
  const changed = Buffer.concat([bytes.subarray(0, start), wanted, bytes.subarray(start + length)]);
  // The lengths of the whole and of its first part: both in one byte after 0x81, or in one.
  for (const position of lengthsBefore(bytes)) changed[position]! += grown;
  return changed.toString('base64');
}

function lengthsBefore(bytes: Buffer): number[] {
  const size = (position: number) => (bytes[position]! >= 0x80 ? position + (bytes[position]! & 0x7f) : position);
  const outer = size(1);
  return [outer, size(outer + 2)];
}

/** The time that many minutes from now. */
const at = (minutes: number): string => formatTime(new Date(now.getTime() + minutes * 60_000));

interface Wanted {
  keys?: webcrypto.CryptoKeyPair;
  from?: number;
  until?: number;
  dns?: string[];
  email?: string[];
}

async function certificateOf({
  keys = p256,
  from = -1,
  until = 24 * 60 - 1,
  dns = [],
  email = [],
}: Wanted): Promise<string> {
  const names = [
    ...dns.map((value) => ({ type: 'dns' as const, value })),
    ...email.map((value) => ({ type: 'email' as const, value })),
  ];
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      keys: keys as never,
      signingAlgorithm: ECDSA,
      notBefore: new Date(at(from)),
      notAfter: new Date(at(until)),
      extensions: names.length > 0 ? [new SubjectAlternativeNameExtension(names)] : [],
    },
    webcrypto as never,
  );
  return `${certificate.toString('pem')}\n`;
}

/** The key of the certificate is of a kind that nobody knows; what is signed does not matter here. */
function withUnknownKey(pem: string): string {
  const bytes = Buffer.from(pem.replace(/-----.*-----|\s/g, ''), 'base64');
  const ecPublicKey = Buffer.from('06072a8648ce3d0201', 'hex');
  bytes[bytes.indexOf(ecPublicKey) + ecPublicKey.length - 1] = 0x7f;
  return `-----BEGIN CERTIFICATE-----\n${bytes.toString('base64')}\n-----END CERTIFICATE-----\n`;
}

const leaf = await certificateOf({});
const other = await certificateOf({ keys: await keysOf(ECDSA) });
const unknownKey = withUnknownKey(leaf);
const key = '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n';
const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
const refused = (value: string, text: string) =>
  `status.certificateChain: Invalid value: ${JSON.stringify(value)}: ${text}`;

/** The status of a good signer, with a part of it changed. */
const issuing = (change: object, errors: string[]) => ({
  endpoint: 'status',
  update: (request: any) =>
    (request.status = {
      conditions: [condition('Issued')],
      certificateChain: leaf,
      notBefore: at(-1),
      notAfter: at(24 * 60 - 1),
      beginRefreshAt: at(60),
      ...change,
    }),
  errors,
});

const outcomes = 'supported values: "Issued", "Denied", "Failed"';

describeRules({
  path: 'certificates.k8s.io/v1/podcertificaterequests',
  validator: podCertificateRequestValidator,
  valid: {
    spec: {
      signerName: 'example.com/signer',
      podName: 'p',
      podUID: '1',
      serviceAccountName: 's',
      serviceAccountUID: '2',
      nodeName: 'n',
      nodeUID: '3',
      maxExpirationSeconds: 7_862_400,
      stubPKCS10Request: await requestFor(p256),
    },
  },
  rows: {
    'signerName is <domain>/<path>': [
      { create: ({ spec }) => (spec.signerName = ''), errors: ['spec.signerName: Required value'] },
    ],
    'podName, serviceAccountName and nodeName are names, with uids of 1 to 128 bytes': [
      {
        create: ({ spec }) => Object.assign(spec, { podName: 'A', podUID: '', nodeUID: 'x'.repeat(129) }),
        errors: [
          `spec.podName: Invalid value: "A": ${words.subdomain}`,
          'spec.podUID: Invalid value: "": must not be empty',
          'spec.nodeUID: Too long: may not be more than 128 bytes',
        ],
      },
    ],
    'maxExpirationSeconds is 3600 to 7862400, for signers of kubernetes.io to 86400': [
      {
        create: ({ spec }) => (spec.maxExpirationSeconds = 3599),
        errors: ['spec.maxExpirationSeconds: Invalid value: 3599: must be in the range [3600, 7862400]'],
      },
      {
        create: ({ spec }) => (spec.signerName = 'kubernetes.io/a'),
        errors: ['spec.maxExpirationSeconds: Invalid value: 7862400: must be in the range [3600, 86400]'],
      },
    ],
    'unverifiedUserAnnotations: keys with a domain, 262144 bytes in all': [
      {
        create: ({ spec }) => (spec.unverifiedUserAnnotations = { plain: 'x', 'a.b/c': 'x'.repeat(262_144) }),
        errors: [
          'spec.unverifiedUserAnnotations: Invalid value: "plain": must be a domain-prefixed key (such as "acme.io/foo")',
          'spec.unverifiedUserAnnotations: Too long: may not be more than 262144 bytes',
        ],
      },
    ],
    'stubPKCS10Request: at most 10240 bytes of a PKCS#10 request that its own key has signed': [
      {
        create: ({ spec }) => delete spec.stubPKCS10Request,
        errors: [
          'spec: Invalid value: exactly one of (stubPKCS10Request) or (pkixPublicKey, proofOfPossession) must be set',
        ],
      },
      {
        create: ({ spec }) => (spec.stubPKCS10Request = Buffer.alloc(10_241).toString('base64')),
        errors: ['spec.stubPKCS10Request: Too long: may not be more than 10240 bytes'],
      },
      {
        create: ({ spec }) => (spec.stubPKCS10Request = 'AAAA'),
        errors: ['spec.stubPKCS10Request: Invalid value: must be a valid PKCS#10 CSR'],
      },
      {
        create: ({ spec }) => (spec.stubPKCS10Request = withOtherSignature(spec.stubPKCS10Request)),
        errors: ['spec.stubPKCS10Request: Invalid value: invalid signature'],
      },
    ],
    'the key is RSA of 3072 or 4096 bits, ECDSA P256, P384 or P521, or Ed25519': [
      ...[p384, p521, ed25519, rsa3072].map((request) => ({
        create: ({ spec }: any) => (spec.stubPKCS10Request = request),
        errors: [],
      })),
      {
        create: ({ spec }) => (spec.stubPKCS10Request = rsa2048),
        errors: [
          'spec.stubPKCS10Request: Invalid value: "2048-bit modulus": RSA keys must have modulus size 3072 or 4096',
        ],
      },
      {
        create: ({ spec }) => (spec.stubPKCS10Request = k256),
        errors: [
          'spec.stubPKCS10Request: Invalid value: "curve secp256k1": elliptic public keys must use curve P256, P384, or P521',
        ],
      },
    ],
    'immutable: spec': [
      {
        stored: (request) => (request.spec = { signerName: 'example.com/signer' }),
        update: ({ spec }) => (spec.signerName = 'a'),
        errors: ['spec: Invalid value: {"maxExpirationSeconds":86400,"signerName":"a"}: field is immutable'],
      },
    ],
    'status: one condition of Issued, Denied, Failed, with status True; nothing else when denied or failed; immutable then':
      [
        {
          endpoint: 'status',
          update: (request) =>
            (request.status = { conditions: [condition('Odd'), condition('Denied'), condition('Failed', 'False')] }),
          errors: [
            `status.conditions.[0].type: Unsupported value: "Odd": ${outcomes}`,
            'status.conditions.[2].type: Invalid value: "Failed": There may be at most one condition with type "Issued", "Denied", or "Failed"',
            'status.conditions.[2].status: Unsupported value: "False": supported values: "True"',
          ],
        },
        {
          endpoint: 'status',
          update: (request) => (request.status = { conditions: [condition('Denied')], certificateChain: 'x' }),
          errors: [
            'status: Invalid value: non-condition status fields must be empty when denying or failing the PodCertificateRequest',
          ],
        },
        {
          endpoint: 'status',
          update: (request) => (request.status = { certificateChain: 'x' }),
          errors: [
            'status: Invalid value: status is immutable unless transitioning to "Issued", "Denied", or "Failed"',
          ],
        },
        {
          endpoint: 'status',
          stored: (request) => (request.status = { conditions: [condition('Issued')] }),
          update: ({ status }) => (status.certificateChain = 'x'),
          errors: ['status: Invalid value: immutable after PodCertificateRequest is issued, denied, or failed'],
        },
      ],
    'issued: certificateChain has at most 102400 bytes of PEM certificates, the first of them for the key of the request':
      [
        issuing({}, []),
        issuing({ certificateChain: leaf + other }, []),
        issuing({ certificateChain: 'x'.repeat(102_401) }, [
          'status.certificateChain: Too long: may not be more than 102400 bytes',
        ]),
        issuing({ certificateChain: 'x' }, [
          'status.certificateChain: Invalid value: "x": issued certificate chain must contain at least one certificate',
        ]),
        issuing({ certificateChain: key }, [
          refused(key, 'issued certificate chain must consist entirely of CERTIFICATE PEM blocks'),
        ]),
        issuing({ certificateChain: broken }, [refused(broken, 'leaf certificate does not parse as valid X.509')]),
        issuing({ certificateChain: other }, [
          refused(other, 'leaf certificate was not issued to the requested public key'),
        ]),
        issuing({ certificateChain: unknownKey }, [
          refused(unknownKey, 'leaf certificate was not issued to the requested public key'),
        ]),
        issuing({ certificateChain: leaf + key }, [
          refused(leaf + key, 'issued certificate chain must consist entirely of CERTFICATE PEM blocks'),
        ]),
        issuing({ certificateChain: leaf + broken }, [
          refused(leaf + broken, 'intermediate certificate does not parse as valid X.509'),
        ]),
      ],
    'issued: names of the leaf are well-formed': [
      issuing({ certificateChain: await certificateOf({ dns: ['a..b', '.c'], email: ['no address'] }) }, [
        refused('a..b', "leaf certificate's DNSName should not contain '..'"),
        refused('.c', "leaf certificate's DNSName should not start or end with '.'"),
        refused('no address', 'leaf certificate should not contain invalid EmailAddress'),
      ]),
      issuing({ certificateChain: await certificateOf({ dns: ['a.b', 'a, email:x'], email: ['a@b.c'] }) }, []),
    ],
    'issued: notBefore and notAfter are those of the leaf, which begins within 5 minutes of now': [
      issuing({ notBefore: undefined, notAfter: undefined, beginRefreshAt: undefined }, [
        'status.notBefore: Required value: must be present and consistent with the issued certificate',
        'status.notAfter: Required value: must be present and consistent with the issued certificate',
        'status.beginRefreshAt: Required value: must be present and in the range [notbefore+10min, notafter-10min]',
      ]),
      issuing({ notBefore: at(-2) }, [
        `status.notBefore: Invalid value: "${at(-2)}": must be set to the NotBefore time encoded in the leaf certificate`,
      ]),
      issuing({ notAfter: at(1) }, [
        `status.notAfter: Invalid value: "${at(1)}": must be set to the NotAfter time encoded in the leaf certificate`,
      ]),
      issuing({ certificateChain: await certificateOf({ from: -5 }), notBefore: at(-5) }, [
        `status.notBefore: Invalid value: "${at(-5)}": must be set to within 5 minutes of kube-apiserver's current time`,
      ]),
    ],
    'issued: the leaf lives 1 hour at least and maxExpirationSeconds at most; beginRefreshAt is 10 minutes inside its life':
      [
        issuing({ certificateChain: await certificateOf({ until: 58 }), notAfter: at(58) }, [
          'status.certificateChain: Invalid value: 3540000000000: leaf certificate lifetime must be >= 1 hour',
        ]),
        {
          ...issuing({}, [
            'status.certificateChain: Invalid value: 86400000000000: leaf certificate lifetime must be <= spec.maxExpirationSeconds (3600)',
          ]),
          from: ({ spec }) => (spec.maxExpirationSeconds = 3600),
        },
        issuing({ beginRefreshAt: at(8) }, [
          `status.beginRefreshAt: Invalid value: "${at(8)}": must be at least 10 minutes after status.notBefore`,
        ]),
        issuing({ beginRefreshAt: at(24 * 60 - 10) }, [
          `status.beginRefreshAt: Invalid value: "${at(24 * 60 - 10)}": must be at least 10 minutes before status.notAfter`,
        ]),
      ],
  },
});
