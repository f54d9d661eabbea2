import { setImmediate as nextTurn } from 'node:timers/promises';
import { isNotFound, parseGroupVersion } from '#apimachinery';
import type { Client, ServedResource } from '#client';
import {
  type CheckedKind,
  type CustomResourceDefinition,
  customObjectType,
  type ExpressionWarning,
  findResource,
  gvr,
  objectType,
  typeWarnings,
  type ValidatingAdmissionPolicy,
} from '#kinds';
import { type Controller, type ControllerContext, runtimeFor } from '../context.js';
import { controller } from '../controller.js';
import { namedResources } from './policy-kinds.js';

const NAME = 'validatingadmissionpolicy-status-controller';

/** Checks the expressions of each new generation of a policy against the types that it is about. */
export function validatingAdmissionPolicyStatus(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, NAME);
  const { client, informers, resources } = runtime;
  const policies = informers.for<ValidatingAdmissionPolicy>(gvr.validatingadmissionpolicies);
  return controller(NAME, runtime)
    .for<ValidatingAdmissionPolicy>(policies, {
      when: ({ metadata, status }) => (metadata.generation ?? 0) > (status?.observedGeneration ?? 0),
    })
    .reconcile(async (key) => {
      const policy = policies.getByKey(key);
      const generation = policy?.metadata.generation ?? 0;
      if (!policy || generation <= (policy.status?.observedGeneration ?? 0)) return undefined;
      const { spec } = policy;
      const kinds = await Promise.all(
        namedResources(spec, resources.list()).map((named) => checkedKind(client, named)),
      );
      const { group = '', version = '' } = parseGroupVersion(spec.paramKind?.apiVersion ?? '') ?? {};
      const params = resources.findKind(group, version, spec.paramKind?.kind ?? '');
      const paramType = params && (await checkedKind(client, params)).type;
      const expressionWarnings: ExpressionWarning[] = [];
      for (const warning of typeWarnings(spec, kinds, paramType)) {
        if (warning) expressionWarnings.push(warning);
        await nextTurn();
      }
      const status = { observedGeneration: generation, typeChecking: { expressionWarnings } };
      const patch = { apiVersion: policy.apiVersion, kind: policy.kind, metadata: { name: key }, status };
      const options = { subresource: 'status', fieldManager: NAME, force: true };
      await client.patch(gvr.validatingadmissionpolicies, '', key, 'application/apply-patch+yaml', patch, options);
      return undefined;
    });
}

async function checkedKind(client: Client, resource: ServedResource): Promise<CheckedKind> {
  const { group, version, kind, plural } = resource;
  const builtIn = findResource(group, version, plural);
  const type = builtIn ? objectType(builtIn) : await definedType(client, resource);
  return { group, version, kind, type };
}

/** Undefined for what another server serves: nobody knows its types here. */
async function definedType(client: Client, { group, version, plural }: ServedResource) {
  try {
    const name = `${plural}.${group}`;
    const { spec } = await client.get<CustomResourceDefinition>(gvr.customresourcedefinitions, '', name);
    const schema = spec.versions.find((candidate) => candidate.name === version)?.schema?.openAPIV3Schema;
    return schema && customObjectType(schema);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
