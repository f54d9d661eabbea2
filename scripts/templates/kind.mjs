import { camelCase, kebabCase, kindFolder } from '../kind-modules.mjs';
import { TemplateError } from './names.mjs';

export const usage = 'kind GROUP/VERSION/KIND (of the core group: VERSION/KIND)';

/** The module of a kind of the facts, with a validator and its spec. */
export function template([key = ''], { facts }) {
  const parts = key.split('/');
  const kind = parts.pop();
  const version = parts.pop();
  const group = parts.join('/');
  const resource = facts.resources.find(
    (item) => item.group === group && item.version === version && item.kind === kind,
  );
  if (resource === undefined) throw new TemplateError(`${JSON.stringify(key)}: the facts have no such kind`);
  const name = kebabCase(kind);
  const own = camelCase(name);
  const folder = `libs/kinds/src/${kindFolder(resource)}`;
  const path = `${group === '' ? '' : `${group}/`}${version}/${resource.plural}`;
  return {
    files: {
      [`${folder}/${name}.kind.ts`]: `import type { KindModule } from '../../../contract/kind-module.js';
import { ${own}Validator } from './${name}.validation.js';

export const ${own}Kind: KindModule = {
  group: '${group}',
  version: '${version}',
  kind: '${kind}',
  validator: ${own}Validator,
};
`,
      [`${folder}/${name}.validation.ts`]: `import type { FieldError, KubeObject } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import { FieldCursor } from '../../../validation/field-cursor.js';

function check(object: KubeObject): FieldError[] {
  const at = new FieldCursor('spec');
  if (object.spec === undefined) at.required('');
  return at.errors;
}

export const ${own}Validator: KindValidator = {
  rules: ['spec is required'],
  validateCreate: (object) => check(object),
  validateUpdate: (object) => check(object),
};
`,
      [`${folder}/${name}.validation.spec.ts`]: `import { describeRules } from '../../../testing/rule-table.js';
import { ${own}Validator } from './${name}.validation.js';

describeRules({
  path: '${path}',
  validator: ${own}Validator,
  valid: { spec: {} },
  rows: {
    'spec is required': [
      {
        create: (object) => {
          delete object.spec;
        },
        errors: ['write what the reference answers'],
      },
    ],
  },
});
`,
    },
    steps: [
      'npm run generate    lists the module',
      `Describe the checks of ${name}.validation.ts in words, and prove each rule in ${name}.validation.spec.ts: messages, paths and their order are the reference's.`,
      `Write ${name}.validation.ts until it passes. A kind whose objects cannot be updated needs none: delete both.`,
      `Add the other special parts to ${name}.kind.ts; libs/kinds/src/contract/kind-module.ts declares them.`,
      'npm test -- check && npm test -- unit kinds',
    ],
  };
}
