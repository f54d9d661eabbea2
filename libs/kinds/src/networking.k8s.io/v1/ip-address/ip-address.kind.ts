import { age, nameOf, none } from '../../../columns/cells.js';
import type { Cells, KindModule } from '../../../contract/kind-module.js';
import { canonicalIpProblem } from '../../../validation/ip.js';
import { ipAddressValidator } from './ip-address.validation.js';

/** Two columns are declared and three cells sent: the reference does so. */
const cells: Cells = (object, now) => {
  const parent = object.spec?.parentRef;
  if (parent === undefined) return [nameOf(object), none, age(object, now)];
  const resource = parent.group ? `${parent.resource}.${parent.group}` : parent.resource;
  return [nameOf(object), [resource, parent.namespace, parent.name].filter(Boolean).join('/'), age(object, now)];
};

export const ipAddressKind: KindModule = {
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IPAddress',
  validator: ipAddressValidator,
  cells,
  nameFormat: (name) => [canonicalIpProblem(name)].filter((problem) => problem !== undefined),
};
