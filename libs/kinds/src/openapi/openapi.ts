import { setOwn } from '#apimachinery';
import type { ResourceDefinition } from '../contract/definition.js';
import { type Descriptions, openDescriptions } from './descriptions.js';
import { addResourcePaths, type Paths } from './operations.js';
import { type Dialect, type Json, schemasFor } from './schemas.js';

/**
 * OpenAPI documents over the definitions that are served. They are built when asked for and not kept here: the core
 * document has about a megabyte, and the server keeps what it compressed.
 */

const info = { title: 'Kubernetes', version: 'v1.37.0' };
const security = {
  BearerToken: { type: 'apiKey', description: 'Bearer Token authentication', name: 'authorization', in: 'header' },
};

/** The path below /openapi/v3/ of a group version: `api/v1`, `apis/apps/v1`. */
export function openApiV3Path(group: string, version: string): string {
  return group === '' ? `api/${version}` : `apis/${group}/${version}`;
}

/** The version 3 document of one group version as JSON text; undefined when nothing of it is served. */
export function openApiV3(
  definitions: readonly ResourceDefinition[],
  group: string,
  version: string,
): string | undefined {
  const own = definitions.filter((item) => item.group === group && item.version === version);
  if (own.length === 0) return undefined;
  const descriptions = openDescriptions();
  const { paths, types } = pathsOf(3, own, descriptions);
  return JSON.stringify({
    openapi: '3.0.0',
    info,
    paths,
    components: { schemas: allSchemas(3, own, types, descriptions), securitySchemes: security },
  });
}

/** The version 2 document of everything, for clients that know no version 3. */
export function openApiV2(definitions: readonly ResourceDefinition[]): string {
  const descriptions = openDescriptions();
  const { paths, types } = pathsOf(2, definitions, descriptions);
  return JSON.stringify({
    swagger: '2.0',
    info,
    paths,
    definitions: allSchemas(2, definitions, types, descriptions),
    securityDefinitions: security,
    security: [{ BearerToken: [] }],
  });
}

/** Those of the release that the paths and the resources' own schemas refer to, and these. */
function allSchemas(
  dialect: Dialect,
  definitions: readonly ResourceDefinition[],
  types: Set<string>,
  descriptions: Descriptions,
): Json {
  const own: Json = {};
  for (const item of definitions) {
    for (const [name, schema] of Object.entries(item.openApiSchemas?.(dialect) ?? {})) {
      setOwn(own, name, schema);
      for (const [, type] of JSON.stringify(schema).matchAll(/"\$ref":"#[/\w]*\/([^"/]+)"/g)) types.add(type!);
    }
  }
  return { ...schemasFor(dialect, types, descriptions), ...own };
}

function pathsOf(dialect: Dialect, definitions: readonly ResourceDefinition[], descriptions: Descriptions): Paths {
  const into: Paths = { paths: {}, types: new Set(), descriptions };
  for (const item of definitions) addResourcePaths(dialect, item, into);
  return into;
}
