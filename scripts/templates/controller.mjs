import { camelCase } from '../kind-modules.mjs';
import { checkKebabCase, TemplateError, words } from './names.mjs';

export const usage = 'controller FOLDER/NAME RESOURCE (as in storage/volume-expansion persistentvolumeclaims)';

/** A control loop over one resource: what it decides is a function of the object, and tested as a table. */
export function template([place = '', plural = ''], { facts }) {
  const [folder = '', name = '', ...more] = place.split('/');
  if (more.length > 0 || name === '') {
    throw new TemplateError(`${JSON.stringify(place)}: must be a folder of libs/controllers/src and a name`);
  }
  checkKebabCase('folder', folder);
  checkKebabCase('name', name);
  const resource = facts.resources.find((item) => item.plural === plural);
  if (resource === undefined) throw new TemplateError(`${JSON.stringify(plural)}: the facts have no such resource`);
  const { kind } = resource;
  const own = camelCase(name);
  const path = `libs/controllers/src/${folder}/${name}`;
  return {
    files: {
      [`${path}.plan.ts`]: `import type { ${kind} } from '#kinds';

/** The merge patch that makes the object what it should be; undefined when it is that already. */
export function ${own}Patch(object: ${kind}): object | undefined {
  if (object.metadata.deletionTimestamp !== undefined) return undefined;
  return undefined;
}
`,
      [`${path}.plan.spec.ts`]: `import assert from 'node:assert/strict';
import type { ${kind} } from '#kinds';
import { ${own}Patch } from './${name}.plan.js';

describe('The ${words(name)} controller', () => {
  const cases: [name: string, object: object, patch: object | undefined][] = [
    ['leaves alone what is being deleted', { metadata: { deletionTimestamp: '2030-01-01T00:00:00Z' } }, undefined],
    ['changes what is not as it should be', { metadata: {} }, { spec: 'write what it changes' }],
  ];
  for (const [name, object, patch] of cases) {
    it(name, () => assert.deepEqual(${own}Patch(object as ${kind}), patch));
  }
});
`,
      [`${path}.reconciler.ts`]: `import { ControlLoop, objectKey } from '#client';
import { gvr, type ${kind} } from '#kinds';
import { type Controller, type ControllerContext, runtimeFor } from '../context.js';
import { ${own}Patch } from './${name}.plan.js';

/** Sees to every ${kind}: ${name}.plan.ts says what it should be. */
export function ${own}Controller(context: ControllerContext): Controller {
  const name = '${name}-controller';
  const { client, informers, clock, logger } = runtimeFor(context, name);
  const objects = informers.for<${kind}>(gvr.${plural});

  const loop = new ControlLoop({
    name,
    clock,
    logger,
    async reconcile(key) {
      const object = objects.getByKey(key);
      const patch = object && ${own}Patch(object);
      if (!patch) return undefined;
      const { namespace = '', name = '' } = object.metadata;
      await client.patch(gvr.${plural}, namespace, name, 'application/merge-patch+json', patch);
      return undefined;
    },
  });
  objects.addHandler({
    add: (object) => loop.add(objectKey(object)),
    update: (_old, object) => loop.add(objectKey(object)),
  });
  return {
    name,
    async run(signal) {
      await objects.whenSynced(signal);
      await loop.run(signal);
    },
  };
}
`,
    },
    steps: [
      `Add it to CONTROLLERS of libs/controllers/src/start-controllers.ts: '${name}-controller': ${own}Controller.`,
      `Give system:serviceaccount:kube-system:${name}-controller its permissions: controllerClusterRoles and controllerClusterRoleBindings of libs/kinds/src/facts/rbac-bootstrap.json.`,
      `Write the table of ${name}.plan.spec.ts, then ${name}.plan.ts until it passes.`,
      `Assert the resulting state in libs/controllers/src/${folder}/*.int-spec.ts, with controllerEnvironment() of #testing.`,
      'npm test -- check && npm test -- unit controllers',
    ],
  };
}
