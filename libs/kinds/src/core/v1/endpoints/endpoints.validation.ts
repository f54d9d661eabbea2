import {
  appendAll,
  deepEqual,
  type FieldError,
  FieldPath,
  field,
  isDNS1123Label,
  isDNS1123Subdomain,
  isPortNumber,
  isQualifiedName,
} from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import type { EndpointAddress, EndpointPort, Endpoints } from '../../../generated/types.js';
import { choiceErrors, formatErrors, portProtocols } from '../../../validation/fields.js';
import { validateEndpointIp, validateIp } from '../../../validation/ip.js';

export const endpointsValidator: KindValidator = {
  rules: [
    'each subset needs addresses or notReadyAddresses',
    'ip: valid, not unspecified, loopback, link-local or link-local multicast',
    'port names required and dns1123Label when more than one port',
    'protocol is one of SCTP, TCP, UDP',
    'ports are 1 to 65535',
  ],
  validateCreate: subsetErrors,
  // What was stored before a check existed may stay as it is.
  validateUpdate: (endpoints: Endpoints, old: Endpoints) =>
    deepEqual(endpoints.subsets ?? [], old.subsets ?? []) ? [] : subsetErrors(endpoints),
};

function subsetErrors({ subsets = [] }: Endpoints): FieldError[] {
  return subsets.flatMap(({ addresses = [], notReadyAddresses = [], ports = [] }, i) => {
    const path = FieldPath.of('subsets').index(i);
    const errors: FieldError[] = [];
    if (addresses.length + notReadyAddresses.length === 0) {
      errors.push(field.required(path, 'must specify `addresses` or `notReadyAddresses`'));
    }
    addresses.forEach((address, j) => {
      appendAll(errors, addressErrors(address, path.child('addresses').index(j)));
    });
    notReadyAddresses.forEach((address, j) => {
      appendAll(errors, addressErrors(address, path.child('notReadyAddresses').index(j)));
    });
    ports.forEach((port, j) => {
      appendAll(errors, portErrors(port, ports.length > 1, path.child('ports').index(j)));
    });
    return errors;
  });
}

function addressErrors({ ip, hostname, nodeName }: EndpointAddress, path: FieldPath): FieldError[] {
  const errors = validateIp(path.child('ip'), ip);
  if (hostname) appendAll(errors, formatErrors(isDNS1123Label, hostname, path.child('hostname')));
  if (nodeName !== undefined) appendAll(errors, formatErrors(isDNS1123Subdomain, nodeName, path.child('nodeName')));
  return [...errors, ...validateEndpointIp(ip, path.child('ip'))];
}

function portErrors(port: EndpointPort, nameNeeded: boolean, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  if (port.name) appendAll(errors, formatErrors(isDNS1123Label, port.name, path.child('name')));
  else if (nameNeeded) errors.push(field.required(path.child('name')));
  for (const text of isPortNumber(port.port)) errors.push(field.invalid(path.child('port'), port.port, text));
  appendAll(errors, choiceErrors(port.protocol, portProtocols, path.child('protocol')));
  if (port.appProtocol !== undefined) {
    appendAll(errors, formatErrors(isQualifiedName, port.appProtocol, path.child('appProtocol')));
  }
  return errors;
}
