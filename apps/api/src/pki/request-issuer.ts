import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import type { RequestedNames, RequestedValidity } from '#controllers';
import { pemBlocks, requestProblem } from '#kinds';
import { importSigningKey, pem, serialNumber } from './certificate-issuer.js';
import type { KeyPair } from './certificate-profile.js';
import { certificateUsages } from './certificate-usages.js';

/** Subject attributes that certificates carry on, in Go's order: the reference re-encodes a subject and drops all others. */
const SUBJECT = ['C', 'O', 'OU', 'L', 'ST', '2.5.4.9', '2.5.4.17', 'CN', '2.5.4.5'];
const SINGLE = new Set(['CN', '2.5.4.5']);
const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';

/** Throws an Error with the reason. */
export function namesOf(request: string): RequestedNames {
  const parsed = parse(request);
  const names = alternativeNames(parsed);
  const valuesOf = (type: string) => names.filter((name) => name.type === type).map(({ value }) => value);
  return {
    commonName: parsed.subjectName.getField('CN').at(-1) ?? '',
    organizations: parsed.subjectName.getField('O'),
    dnsNames: valuesOf('dns'),
    ipAddresses: valuesOf('ip'),
    emailAddresses: valuesOf('email'),
    uris: valuesOf('url'),
  };
}

/**
 * A certificate for the key and the names of the request, PEM. The usages replace all extensions that were asked for, and the end is
 * cut where the authority's own is. Throws an Error when the request does not hold its key, or the authority has expired.
 */
export async function signRequest(
  authority: KeyPair,
  request: string,
  usages: readonly string[],
  { notBefore, notAfter, now }: RequestedValidity,
): Promise<string> {
  const problem = requestProblem(request);
  if (problem) throw new Error(`unable to verify certificate request signature: ${problem}`);
  const parsed = parse(request);
  const issuer = new x509.X509Certificate(authority.certificate);
  const end = issuer.notAfter.getTime();
  if (notBefore.getTime() >= end) throw new Error(`the signer has expired: NotAfter=${issuer.notAfter.toISOString()}`);
  if (now.getTime() >= end) {
    throw new Error(
      `refusing to sign a certificate that expired in the past: NotAfter=${issuer.notAfter.toISOString()}`,
    );
  }
  const signingKey = await importSigningKey(authority.key);
  const subject = subjectOf(parsed);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject,
    issuer: issuer.subjectName,
    notBefore,
    notAfter: new Date(Math.min(notAfter.getTime(), end)),
    publicKey: parsed.publicKey,
    signingKey: signingKey.key,
    signingAlgorithm: signingKey.algorithm,
    extensions: await extensionsOf(parsed, usages, issuer, subject.toString() === ''),
  });
  return pem(certificate);
}

async function extensionsOf(
  request: x509.Pkcs10CertificateRequest,
  usages: readonly string[],
  issuer: x509.X509Certificate,
  nameless: boolean,
): Promise<x509.Extension[]> {
  const { keyUsage, extended } = certificateUsages(usages);
  const extensions: x509.Extension[] = [];
  if (keyUsage !== 0) extensions.push(new x509.KeyUsagesExtension(keyUsage, true));
  if (extended.length > 0) extensions.push(new x509.ExtendedKeyUsageExtension(extended));
  extensions.push(
    new x509.BasicConstraintsExtension(false, undefined, true),
    await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
  );
  const names = alternativeNames(request);
  if (names.length > 0) extensions.push(new x509.SubjectAlternativeNameExtension([...names], nameless));
  return extensions;
}

/** The characters that Go writes as PrintableString. */
const PRINTABLE = /^[A-Za-z0-9 '()+,\-./:=?]*$/;

function parse(request: string): x509.Pkcs10CertificateRequest {
  const block = pemBlocks(request)[0];
  if (block?.type !== 'CERTIFICATE REQUEST') throw new Error('PEM block type must be CERTIFICATE REQUEST');
  return new x509.Pkcs10CertificateRequest(block.bytes);
}

function subjectOf(request: x509.Pkcs10CertificateRequest): x509.Name {
  const attributes = SUBJECT.flatMap((attribute) => {
    const values = request.subjectName.getField(attribute);
    if (values.length === 0) return [];
    return [{ [attribute]: (SINGLE.has(attribute) ? values.slice(-1) : values).map(typedText) }];
  });
  const subject = new x509.Name(attributes);
  // What is signed is what was checked, whatever the library makes of a text.
  for (const attribute of SUBJECT) {
    const asked = request.subjectName.getField(attribute);
    const signed = subject.getField(attribute);
    const wanted = SINGLE.has(attribute) ? asked.slice(-1) : asked;
    if (signed.length !== wanted.length || signed.some((value, i) => value !== wanted[i])) {
      throw new Error(`the subject's ${attribute} cannot be encoded`);
    }
  }
  return subject;
}

/**
 * A plain text would be read as a distinguished name writes it: quotes, backslashes and a leading number sign would make another
 * name of it than the one that was checked.
 */
function typedText(value: string): x509.JsonAttributeObject {
  return PRINTABLE.test(value) ? { printableString: value } : { utf8String: value };
}

/** DNS names, addresses, mail addresses and URIs: the names that the reference carries on. */
function alternativeNames(request: x509.Pkcs10CertificateRequest): x509.JsonGeneralNames {
  const extension = request.getExtension(SUBJECT_ALTERNATIVE_NAME);
  if (!extension) return [];
  const { names } = new x509.SubjectAlternativeNameExtension(extension.rawData);
  return names.toJSON().filter(({ type }) => ['dns', 'ip', 'email', 'url'].includes(type));
}
