import {
  isDNS1123Label,
  isDNS1123Subdomain,
  isPathSegmentName,
  isPortName,
  isPortNumber,
  isWildcardDNS1123Subdomain,
} from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import type {
  HTTPIngressPath,
  Ingress,
  IngressBackend,
  IngressRule,
  IngressServiceBackend,
  IngressTLS,
  TypedLocalObjectReference,
} from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { isSloppyIp, validateIp } from '../../../validation/ip.js';

const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';
const pathTypes = ['Exact', 'ImplementationSpecific', 'Prefix'];
const forbiddenInPath = ['//', '/./', '/../', '%2f', '%2F'];
const forbiddenAtEnd = ['/..', '/.'];

export const ingressValidator: KindValidator = {
  rules: [
    'rules or defaultBackend are required',
    'host: a DNS name or a wildcard, not an address',
    'paths are required; so is pathType, one of Exact, ImplementationSpecific, Prefix',
    'a path starts with /; those of type Exact and Prefix have no empty, dot or escaped segments',
    'backend: exactly one of service and resource',
    'the port of a service is a name or a number',
    'a resource has kind and name',
    'hosts of tls are DNS names or wildcards, secretName is the name of a Secret',
    'ingressClassName is a name',
    'the annotation kubernetes.io/ingress.class and ingressClassName agree on create',
    'an update keeps wildcard rules and names of Secrets that an older release accepted',
    'status: addresses and host names of the load balancer',
  ],
  validateCreate(ingress: Ingress) {
    const at = new FieldCursor('spec');
    checkSpec(at, ingress, { anySecretName: false, anyWildcardRule: false });
    at.leave();
    const annotation = ingress.metadata.annotations?.[CLASS_ANNOTATION];
    const { ingressClassName: name } = ingress.spec;
    if (annotation !== undefined && name !== undefined && annotation !== name) {
      const path = `annotations.${CLASS_ANNOTATION}`;
      at.invalid(path, annotation, 'must match `ingressClassName` when both are specified');
    }
    return at.all();
  },
  validateUpdate(ingress: Ingress, old: Ingress, { subresource }) {
    if (subresource === 'status') return statusErrors(ingress, old);
    const at = new FieldCursor('spec');
    checkSpec(at, ingress, leniencyFor(old));
    return at.all();
  },
};

/** What an update may keep because the stored object has it. */
interface Leniency {
  anySecretName: boolean;
  anyWildcardRule: boolean;
}

function leniencyFor({ spec }: Ingress): Leniency {
  return {
    anySecretName: (spec.tls ?? []).some(({ secretName }) => secretName && isDNS1123Subdomain(secretName).length > 0),
    anyWildcardRule: (spec.rules ?? []).some((rule) => {
      if (!rule.host?.includes('*')) return false;
      const at = new FieldCursor('rules');
      checkPaths(at, rule);
      return at.errors.length > 0;
    }),
  };
}

function checkSpec(at: FieldCursor, { spec }: Ingress, lenient: Leniency): void {
  const { rules, defaultBackend, tls, ingressClassName } = spec;
  if ((rules ?? []).length === 0 && defaultBackend === undefined) {
    at.invalid('', rules, 'either `defaultBackend` or `rules` must be specified');
  }
  if (defaultBackend !== undefined) at.within('defaultBackend', () => checkBackend(at, defaultBackend));
  at.each('rules', rules, (rule) => checkRule(at, rule, lenient));
  at.each('tls', tls, (entry) => checkTls(at, entry, lenient));
  if (ingressClassName !== undefined) at.format('ingressClassName', ingressClassName, isDNS1123Subdomain);
}

function checkRule(at: FieldCursor, rule: IngressRule, lenient: Leniency): void {
  const { host } = rule;
  const isWildcard = host?.includes('*') === true;
  if (host) {
    if (isSloppyIp(host)) at.invalid('host', host, 'must be a DNS name, not an IP address');
    at.format('host', host, isWildcard ? isWildcardDNS1123Subdomain : isDNS1123Subdomain);
  }
  if (!isWildcard || !lenient.anyWildcardRule) checkPaths(at, rule);
}

function checkPaths(at: FieldCursor, { http }: IngressRule): void {
  if (http === undefined) return;
  at.within('http', () => {
    if ((http.paths ?? []).length === 0) at.required('paths');
    at.each('paths', http.paths, (path) => checkPath(at, path));
  });
}

function checkPath(at: FieldCursor, { path = '', pathType, backend = {} }: HTTPIngressPath): void {
  if (pathType === undefined || pathType === null) {
    at.required('pathType', 'pathType must be specified');
    return;
  }
  at.optionalChoice('pathType', pathType, pathTypes);
  const isMatched = pathType === 'Exact' || pathType === 'Prefix';
  if (!path.startsWith('/') && (isMatched || (pathType === 'ImplementationSpecific' && path !== ''))) {
    at.invalid('path', path, 'must be an absolute path');
  }
  if (isMatched) {
    for (const part of forbiddenInPath) {
      if (path.includes(part)) at.invalid('path', path, `must not contain '${part}'`);
    }
    for (const end of forbiddenAtEnd) if (path.endsWith(end)) at.invalid('path', path, `cannot end with '${end}'`);
  }
  at.within('backend', () => checkBackend(at, backend));
}

function checkBackend(at: FieldCursor, { resource, service }: IngressBackend): void {
  if (resource !== undefined && service !== undefined) {
    at.invalid('', '', 'cannot set both resource and service backends');
  } else if (resource !== undefined) at.within('resource', () => checkResource(at, resource));
  else if (service !== undefined) checkService(at, service);
  else at.invalid('', '', 'resource or service backend is required');
}

function checkService(at: FieldCursor, { name, port = {} }: IngressServiceBackend): void {
  if (!name) at.required('service.name');
  else at.format('service.name', name, isDNS1123Label);
  if (port.name && port.number) at.invalid('', '', 'cannot set both port name & port number');
  else if (port.name) at.format('service.port.name', port.name, isPortName);
  else if (port.number) {
    for (const text of isPortNumber(port.number)) at.invalid('service.port.number', port.number, text);
  } else at.required('', 'port name or number is required');
}

function checkResource(at: FieldCursor, { apiGroup, kind, name }: TypedLocalObjectReference): void {
  if (apiGroup !== undefined && apiGroup !== null) at.format('apiGroup', apiGroup, isDNS1123Subdomain);
  if (!kind) at.required('kind');
  else at.format('kind', kind, isPathSegmentName);
  if (!name) at.required('name');
  else at.format('name', name, isPathSegmentName);
}

function checkTls(at: FieldCursor, { hosts, secretName }: IngressTLS, lenient: Leniency): void {
  at.each('hosts', hosts, (host) => {
    at.format('', host, host.includes('*') ? isWildcardDNS1123Subdomain : isDNS1123Subdomain);
  });
  if (secretName && !lenient.anySecretName) at.format('secretName', secretName, isDNS1123Subdomain);
}

function statusErrors({ status }: Ingress, old: Ingress) {
  const at = new FieldCursor('status', 'loadBalancer');
  const known = new Set((old.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => (ip ? [ip] : [])));
  at.each('ingress', status?.loadBalancer?.ingress, ({ ip, hostname }) => {
    if (ip) at.add(validateIp(at.path('ip'), ip, known));
    if (!hostname) return;
    at.format('hostname', hostname, isDNS1123Subdomain);
    if (isSloppyIp(hostname)) at.invalid('hostname', hostname, 'must be a DNS name, not an IP address');
  });
  return at.all();
}
