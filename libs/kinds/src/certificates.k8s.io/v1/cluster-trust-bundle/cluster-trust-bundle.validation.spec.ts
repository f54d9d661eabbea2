import { webcrypto } from 'node:crypto';
import 'reflect-metadata';
import { BasicConstraintsExtension, X509CertificateGenerator } from '@peculiar/x509';
import { describeRules } from '../../../testing/rule-table.js';
import { words } from '../../../testing/spec-support.js';
import { clusterTrustBundleValidator } from './cluster-trust-bundle.validation.js';

async function certificate(isAuthority: boolean): Promise<string> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as never;
  const extensions = [new BasicConstraintsExtension(isAuthority, undefined, true)];
  const parameters = { name: 'CN=it', keys, signingAlgorithm: algorithm, extensions };
  return (await X509CertificateGenerator.createSelfSigned(parameters, webcrypto as never)).toString('pem');
}

const authority = await certificate(true);
const leaf = await certificate(false);
const bundle = (text: string) => `spec.trustBundle: Invalid value: "<value omitted>": ${text}`;

describeRules({
  path: 'certificates.k8s.io/v1/clustertrustbundles',
  validator: clusterTrustBundleValidator,
  valid: {
    metadata: { name: 'example.com:signer:a' },
    spec: { signerName: 'example.com/signer', trustBundle: authority },
  },
  rows: {
    'the name begins with the signer name, : for /; without a signer it has no :': [
      {
        create: ({ metadata }) => (metadata.name = 'example.com:other:a'),
        errors: [
          'metadata.name: Invalid value: "example.com:other:a": ClusterTrustBundle for signerName example.com/signer must be named with prefix example.com:signer:',
        ],
      },
      {
        create: ({ metadata }) => (metadata.name = 'example.com:signer:A'),
        errors: [`metadata.name: Invalid value: "example.com:signer:A": ${words.subdomain}`],
      },
      {
        create: ({ spec }) => delete spec.signerName,
        errors: [
          'metadata.name: Invalid value: "example.com:signer:a": ClusterTrustBundle without signer name must not have ":" in its name',
        ],
      },
    ],
    'signerName is <domain>/<path>': [
      {
        create: (item) => {
          item.metadata.name = 'signer:a';
          item.spec.signerName = 'signer';
        },
        errors: [
          `spec.signerName: Invalid value: "signer": must be a fully qualified domain and path of the form 'example.com/signer-name'`,
        ],
      },
    ],
    'trustBundle: at most 1048576 bytes of PEM certificates of authorities, at least one, without headers, without duplicates':
      [
        {
          create: ({ spec }) => (spec.trustBundle = 'x'.repeat(1_048_577)),
          errors: ['spec.trustBundle: Too long: may not be more than 1048576 bytes'],
        },
        {
          create: ({ spec }) => (spec.trustBundle = 'x'),
          errors: [bundle('at least one trust anchor must be provided')],
        },
        {
          create: ({ spec }) =>
            (spec.trustBundle = [
              leaf,
              '-----BEGIN KEY-----\nAAAA\n-----END KEY-----',
              '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----',
              authority.replace('-----\n', '-----\nA: b\n\n'),
            ].join('\n')),
          errors: [
            bundle('entry 0 does not have the CA bit set'),
            bundle('entry 1 has bad block type: KEY'),
            bundle('entry 2 does not parse as X.509'),
            bundle('entry 3 has PEM block headers'),
          ],
        },
        {
          create: ({ spec }) => (spec.trustBundle = `${authority}\n${authority}`),
          errors: [bundle('duplicate trust anchor (indices [0 1])')],
        },
        {
          stored: ({ spec }) => (spec.trustBundle = leaf),
          update: ({ metadata }) => (metadata.labels = { a: 'b' }),
          errors: [],
        },
      ],
    'immutable: spec.signerName': [
      {
        update: ({ spec }) => (spec.signerName = 'example.com/other'),
        errors: [
          'metadata.name: Invalid value: "example.com:signer:a": ClusterTrustBundle for signerName example.com/other must be named with prefix example.com:other:',
          'spec.signerName: Invalid value: "example.com/other": field is immutable',
        ],
      },
    ],
  },
});
