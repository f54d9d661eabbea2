/** Requests and cached objects for the specs of the plugins. */

import assert from 'node:assert/strict';
import type { KubeObject, StatusError, UserInfo } from '#apimachinery';
import type { Authorizer } from '../../authorization/authorizer.js';
import type { Lister } from '../../storage/lister.js';
import { type AdmissionChain, createAdmission } from '../admission-chain.js';
import { type AdmissionRequest, admissionRequest } from '../admission-request.js';

export const alice: UserInfo = { name: 'alice', groups: ['system:authenticated'] };
export const node1: UserInfo = { name: 'system:node:node-1', groups: ['system:nodes', 'system:authenticated'] };
export const nobody: Authorizer = { authorize: () => ({ decision: 'NoOpinion', reason: '' }) };

export type Objects = Record<string, Record<string, Record<string, unknown>>>;

/** Storage resource to `namespace/name` to the object without its header. */
export function lister(objects: Objects): Lister {
  const make = (key: string, body: Record<string, any>): KubeObject => {
    const [namespace = '', name = ''] = key.split('/');
    const metadata = { name, namespace, uid: `${name}-uid`, ...body['metadata'] };
    return { apiVersion: 'v1', kind: '', ...body, metadata };
  };
  return {
    get: (resource, namespace, name) => {
      const body = objects[resource]?.[`${namespace}/${name}`];
      return body && make(`${namespace}/${name}`, body);
    },
    list: (resource, namespace) =>
      Object.entries(objects[resource] ?? {})
        .map(([key, body]) => make(key, body))
        .filter((object) => namespace === undefined || object.metadata.namespace === namespace),
  };
}

export function chain(objects: Objects = {}): AdmissionChain {
  const base: Objects = {
    namespaces: { '/web': {}, '/ending': { status: { phase: 'Terminating' } } },
    serviceaccounts: { 'web/default': {} },
  };
  return createAdmission({ lister: lister({ ...base, ...objects }), authorizer: nobody });
}

export function request(
  operation: AdmissionRequest['operation'],
  path: string,
  object: Record<string, unknown> | undefined,
  more: Partial<AdmissionRequest> = {},
): AdmissionRequest {
  // `pods/status.group`
  const [what = '', ...group] = path.split('.');
  const [resource = '', subresource = ''] = what.split('/');
  const body = object && ({ apiVersion: 'v1', kind: '', ...object } as KubeObject);
  if (body) body.metadata = { name: 'x', ...body.metadata };
  return admissionRequest({
    operation,
    resource: { group: group.join('.'), version: 'v1', resource },
    kind: { group: group.join('.'), version: 'v1', kind: '' },
    subresource,
    namespace: 'web',
    name: operation === 'CREATE' ? '' : 'x',
    object: body,
    user: alice,
    signal: new AbortController().signal,
    ...more,
  });
}

export async function run(plugins: AdmissionChain, asked: AdmissionRequest): Promise<any> {
  await plugins.admit(asked);
  await plugins.validate(asked);
  return asked.object;
}

export function refused(promise: Promise<unknown>, message: string | RegExp, code = 403): Promise<void> {
  return assert.rejects(promise, (error: StatusError) => {
    if (typeof message === 'string') assert.equal(error.message, message);
    else assert.match(error.message, message);
    assert.equal(error.code, code);
    return true;
  });
}

export const onePod = (spec: Record<string, unknown> = {}, metadata: Record<string, unknown> = {}) => ({
  metadata,
  spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
});
