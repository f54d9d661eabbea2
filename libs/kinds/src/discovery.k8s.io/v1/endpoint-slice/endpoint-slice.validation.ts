import {
  appendAll,
  deepEqual,
  type FieldError,
  FieldPath,
  field,
  isDNS1123Label,
  isDNS1123Subdomain,
  isLabelValue,
  isQualifiedName,
} from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import type { DiscoveryEndpointPort, Endpoint, EndpointHints, EndpointSlice } from '../../../generated/types.js';
import { choiceErrors, formatErrors, portProtocols } from '../../../validation/fields.js';
import { isIPv4, isIPv6, validateCanonicalIp, validateEndpointIp, validateIp } from '../../../validation/ip.js';

const addressTypes = ['FQDN', 'IPv4', 'IPv6'];
const maxEndpoints = 1000;
const maxAddresses = 100;
const maxPorts = 20_000;
const maxHints = 8;

export const endpointSliceValidator: KindValidator = {
  rules: [
    'addresses must fit addressType',
    'port names unique, empty or dns1123Label',
    'addressType is one of FQDN, IPv4, IPv6',
    'protocol is one of SCTP, TCP, UDP',
    'endpoints: at most 1000',
    'addresses per endpoint is 1 to 100',
    'ports: at most 20000',
    'hints: at most 8',
    'deprecatedTopology: at most 16',
    'immutable: addressType',
  ],
  validateCreate: (slice: EndpointSlice) => [
    ...portErrors(slice.ports ?? []),
    ...endpointErrors(slice),
    ...choiceErrors(slice.addressType, addressTypes, 'addressType'),
    ...addressCountErrors(slice),
  ],
  validateUpdate(slice: EndpointSlice, old: EndpointSlice) {
    const errors = [...choiceErrors(slice.addressType, addressTypes, 'addressType'), ...portErrors(slice.ports ?? [])];
    const changed = !deepEqual(slice.endpoints ?? [], old.endpoints ?? []);
    if (changed) appendAll(errors, endpointErrors(slice));
    if (slice.addressType !== old.addressType) errors.push(field.immutable('addressType', null));
    if (changed) appendAll(errors, addressCountErrors(slice));
    return errors;
  },
};

/** Rules that upstream has in its schema come after those that it has in code. */
function addressCountErrors({ endpoints }: EndpointSlice): FieldError[] {
  return (endpoints ?? []).flatMap(({ addresses }, i) => {
    const at = FieldPath.of('endpoints').index(i).child('addresses');
    const count = addresses?.length ?? 0;
    if (count === 0) return [field.required(at)];
    return count > maxAddresses ? [field.tooMany(at, count, maxAddresses)] : [];
  });
}

function portErrors(ports: DiscoveryEndpointPort[]): FieldError[] {
  const root = FieldPath.of('ports');
  if (ports.length > maxPorts) return [field.tooMany(root, ports.length, maxPorts)];
  const names = new Set<string>();
  return ports.flatMap(({ name = '', protocol, appProtocol }, i) => {
    const path = root.index(i);
    const errors = name === '' ? [] : formatErrors(isDNS1123Label, name, path.child('name'));
    if (names.has(name)) errors.push(field.duplicate(path.child('name'), name));
    names.add(name);
    appendAll(errors, choiceErrors(protocol, portProtocols, path.child('protocol')));
    if (appProtocol !== undefined)
      appendAll(errors, formatErrors(isQualifiedName, appProtocol, path.child('appProtocol')));
    return errors;
  });
}

function endpointErrors({ endpoints, addressType }: EndpointSlice): FieldError[] {
  const root = FieldPath.of('endpoints');
  const list = endpoints ?? [];
  if (list.length > maxEndpoints) return [field.tooMany(root, list.length, maxEndpoints)];
  return list.flatMap((endpoint, i) => oneEndpoint(endpoint, addressType, root.index(i)));
}

function oneEndpoint(endpoint: Endpoint, addressType: string, path: FieldPath): FieldError[] {
  const at = path.child('addresses');
  const errors: FieldError[] = [];
  (endpoint.addresses ?? []).forEach((address, i) => {
    appendAll(errors, addressErrors(address, addressType, at, i));
  });
  if (endpoint.nodeName !== undefined) {
    appendAll(errors, formatErrors(isDNS1123Subdomain, endpoint.nodeName, path.child('nodeName')));
  }
  if (endpoint.hostname !== undefined) {
    appendAll(errors, formatErrors(isDNS1123Label, endpoint.hostname, path.child('hostname')));
  }
  if (endpoint.hints !== undefined) appendAll(errors, hintErrors(endpoint.hints, path.child('hints')));
  return errors;
}

function addressErrors(address: string, addressType: string, list: FieldPath, i: number): FieldError[] {
  const path = list.index(i);
  if (addressType === 'FQDN') return domainErrors(address, path);
  if (addressType !== 'IPv4' && addressType !== 'IPv6') return [];
  const errors = addressType === 'IPv4' ? validateIp(path, address) : validateCanonicalIp(path, address);
  if (errors.length > 0) return errors;
  const fits = addressType === 'IPv4' ? isIPv4(address) : isIPv6(address);
  if (!fits) errors.push(field.invalid(list, address, `must be an ${addressType} address`));
  return [...errors, ...validateEndpointIp(address, path)];
}

function domainErrors(name: string, path: FieldPath): FieldError[] {
  if (name === '') return [field.required(path)];
  const bare = name.endsWith('.') ? name.slice(0, -1) : name;
  const wrong = isDNS1123Subdomain(bare);
  if (wrong.length > 0) return [field.invalid(path, bare, wrong.join(','))];
  if (bare.includes('.')) return [];
  return [field.invalid(path, bare, 'should be a domain with at least two segments separated by dots')];
}

function hintErrors({ forZones = [], forNodes = [] }: EndpointHints, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  for (const [name, hints, check] of [
    ['forZones', forZones, isLabelValue],
    ['forNodes', forNodes, isDNS1123Subdomain],
  ] as const) {
    const at = path.child(name);
    if (hints.length > maxHints) return [...errors, field.tooMany(at, hints.length, maxHints)];
    const seen = new Set<string>();
    hints.forEach((hint, i) => {
      const where = at.index(i).child('name');
      if (seen.has(hint.name)) errors.push(field.duplicate(where, hint.name));
      seen.add(hint.name);
      appendAll(errors, formatErrors(check, hint.name, where));
    });
  }
  return errors;
}
