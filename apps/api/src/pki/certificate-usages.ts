import { bare } from '#apimachinery';

/** Bits of RFC 5280's KeyUsage, by the names of the certificates API (k8s.io/kubernetes/pkg/controller/certificates/authority). */
const keyUsages = bare<number>({
  signing: 1,
  'digital signature': 1,
  'content commitment': 2,
  'key encipherment': 4,
  'data encipherment': 8,
  'key agreement': 16,
  'cert sign': 32,
  'crl sign': 64,
  'encipher only': 128,
  'decipher only': 256,
});

/** Object identifiers of extended key usages, by the same names, in Go's order. */
const extendedKeyUsages = bare<string>({
  any: '2.5.29.37.0',
  'server auth': '1.3.6.1.5.5.7.3.1',
  'client auth': '1.3.6.1.5.5.7.3.2',
  'code signing': '1.3.6.1.5.5.7.3.3',
  'email protection': '1.3.6.1.5.5.7.3.4',
  's/mime': '1.3.6.1.5.5.7.3.4',
  'ipsec end system': '1.3.6.1.5.5.7.3.5',
  'ipsec tunnel': '1.3.6.1.5.5.7.3.6',
  'ipsec user': '1.3.6.1.5.5.7.3.7',
  timestamping: '1.3.6.1.5.5.7.3.8',
  'ocsp signing': '1.3.6.1.5.5.7.3.9',
  'microsoft sgc': '1.3.6.1.4.1.311.10.3.3',
  'netscape sgc': '2.16.840.1.113730.4.1',
});

/** What the usages of a request become in its certificate. Throws an Error that names those that nobody knows. */
export function certificateUsages(usages: readonly string[]): { keyUsage: number; extended: string[] } {
  const unknown = usages.filter((usage) => !keyUsages[usage] && !extendedKeyUsages[usage]);
  if (unknown.length > 0) {
    throw new Error(`unrecognized usage values: [${unknown.map((usage) => JSON.stringify(usage)).join(' ')}]`);
  }
  const asked = new Set(usages);
  const extended = Object.keys(extendedKeyUsages).filter((usage) => asked.has(usage));
  return {
    keyUsage: usages.reduce((bits, usage) => bits | (keyUsages[usage] ?? 0), 0),
    extended: [...new Set(extended.map((usage) => extendedKeyUsages[usage]!))],
  };
}
