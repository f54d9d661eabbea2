import { pemBlocks } from '#kinds';

const LINE = 64;

export function certificatePem(der: Buffer): string {
  const lines = der.toString('base64').match(new RegExp(`.{1,${LINE}}`, 'g')) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

/** The certificates alone: what stands between blocks, and their headers, are left out. */
export function cleanChain(chain: string): string {
  return pemBlocks(chain)
    .map(({ bytes }) => certificatePem(bytes))
    .join('');
}
