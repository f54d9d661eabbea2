import { kebabCase } from '../kind-modules.mjs';
import { checkPascalCase } from './names.mjs';

export const usage = 'admission NAME (as in DefaultStorageClass)';

/** An admission plugin with its spec. */
export function template([name = '']) {
  checkPascalCase('name', name);
  const file = kebabCase(name);
  const path = `apps/api/src/admission/plugins/${file}`;
  return {
    files: {
      [`${path}.ts`]: `import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';
import { rejection, targets } from '../rejection.js';

/** Refuses pods that are to have a name of their own. */
export class ${name} implements AdmissionPlugin {
  readonly name = '${name}';

  handles(target: AdmissionTarget): boolean {
    return targets(target, '', 'pods', ['CREATE']);
  }

  validate(request: AdmissionRequest): void {
    if (request.object?.metadata.generateName === undefined) throw rejection(request, 'generateName must be set');
  }
}
`,
      [`${path}.spec.ts`]: `import assert from 'node:assert/strict';
import { onePod, request } from '../testing/admission-requests.js';
import { ${name} } from './${file}.js';

describe('${name}', () => {
  const plugin = new ${name}();
  const cases: [name: string, metadata: Record<string, unknown>, error: RegExp | undefined][] = [
    ['takes a pod with a generated name', { generateName: 'web-' }, undefined],
    ['refuses a pod with a name', { name: 'web' }, /write what the reference answers/],
  ];
  for (const [name, metadata, error] of cases) {
    it(name, () => {
      const validate = () => plugin.validate(request('CREATE', 'pods', onePod({}, metadata)));
      if (error === undefined) validate();
      else assert.throws(validate, error);
    });
  }
});
`,
    },
    steps: [
      `Write the table of ${file}.spec.ts for what ${name} admits, changes and refuses, then ${file}.ts until it passes.`,
      `Add ${name} to libs/settings/src/formats/admission-plugins.ts, at its place in the reference's order, and the plugin to apps/api/src/admission/admission-chain.ts.`,
      'npm test -- check && npm test -- unit admission',
    ],
  };
}
