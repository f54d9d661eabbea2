import { X509Certificate } from 'node:crypto';
import { isDNS1123Subdomain } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import { checkSignerName } from '../../../core/v1/pod/pod-projected-volumes.validation.js';
import type { ClusterTrustBundle } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { type PemBlock, pemBlocks } from '../certificate-signing-request/certificate-request.js';

const MAX_BUNDLE_BYTES = 1024 * 1024;

export const clusterTrustBundleValidator: KindValidator = {
  rules: [
    'the name begins with the signer name, : for /; without a signer it has no :',
    'signerName is <domain>/<path>',
    'trustBundle: at most 1048576 bytes of PEM certificates of authorities, at least one, without headers, without duplicates',
    'immutable: spec.signerName',
  ],
  validateCreate(bundle: ClusterTrustBundle) {
    const at = new FieldCursor();
    checkNames(at, bundle);
    checkBundle(at, bundle.spec.trustBundle ?? '');
    return at.all();
  },
  validateUpdate(bundle: ClusterTrustBundle, old: ClusterTrustBundle) {
    const at = new FieldCursor();
    checkNames(at, bundle);
    // What is stored was read once, perhaps by other rules.
    if (bundle.spec.trustBundle !== old.spec.trustBundle) checkBundle(at, bundle.spec.trustBundle ?? '');
    at.immutable('spec.signerName', bundle.spec.signerName ?? '', old.spec.signerName ?? '');
    return at.all();
  },
};

function checkNames(at: FieldCursor, { metadata, spec }: ClusterTrustBundle): void {
  const { name = '' } = metadata;
  const { signerName = '' } = spec;
  const prefix = `${signerName.replaceAll('/', ':')}:`;
  if (signerName === '') {
    // The format of a name without is checked with the other metadata.
    if (name.includes(':')) {
      at.invalid('metadata.name', name, 'ClusterTrustBundle without signer name must not have ":" in its name');
    }
    return;
  }
  if (!name.startsWith(prefix)) {
    const text = `ClusterTrustBundle for signerName ${signerName} must be named with prefix ${prefix}`;
    at.invalid('metadata.name', name, text);
  } else {
    for (const text of isDNS1123Subdomain(name.slice(prefix.length))) at.invalid('metadata.name', name, text);
  }
  checkSignerName(at, 'spec.signerName', signerName);
}

function checkBundle(at: FieldCursor, bundle: string): void {
  if (Buffer.byteLength(bundle) > MAX_BUNDLE_BYTES) {
    at.tooLong('spec.trustBundle', MAX_BUNDLE_BYTES);
    return;
  }
  const refuse = (text: string): void => at.invalid('spec.trustBundle', '<value omitted>', text);
  const indexes = new Map<string, number[]>();
  let isGood = true;
  pemBlocks(bundle).forEach((block, i) => {
    const problem = blockProblem(block);
    if (problem !== undefined) {
      isGood = false;
      refuse(`entry ${i} ${problem}`);
    } else {
      const key = block.bytes.toString('latin1');
      indexes.set(key, [...(indexes.get(key) ?? []), i]);
    }
  });
  if (!isGood) return;
  if (indexes.size === 0) refuse('at least one trust anchor must be provided');
  for (const same of indexes.values()) {
    if (same.length > 1) refuse(`duplicate trust anchor (indices [${same.join(' ')}])`);
  }
}

function blockProblem({ type, hasHeaders, bytes }: PemBlock): string | undefined {
  if (type !== 'CERTIFICATE') return `has bad block type: ${type}`;
  if (hasHeaders) return 'has PEM block headers';
  try {
    return new X509Certificate(bytes).ca ? undefined : 'does not have the CA bit set';
  } catch {
    return 'does not parse as X.509';
  }
}
