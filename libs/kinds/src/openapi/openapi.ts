import type { ResourceDefinition } from '../contract/definition.js';
import { addResourcePaths, type Paths } from './operations.js';
import { type Dialect, schemasFor } from './schemas.js';

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
  const { paths, types } = pathsOf(3, own);
  return JSON.stringify({
    openapi: '3.0.0',
    info,
    paths,
    components: { schemas: schemasFor(3, types), securitySchemes: security },
  });
}

/** The version 2 document of everything, for clients that know no version 3. */
export function openApiV2(definitions: readonly ResourceDefinition[]): string {
  const { paths, types } = pathsOf(2, definitions);
  return JSON.stringify({
    swagger: '2.0',
    info,
    paths,
    definitions: schemasFor(2, types),
    securityDefinitions: security,
    security: [{ BearerToken: [] }],
  });
}

function pathsOf(dialect: Dialect, definitions: readonly ResourceDefinition[]): Paths {
  const into: Paths = { paths: {}, types: new Set() };
  for (const item of definitions) addResourcePaths(dialect, item, into);
  return into;
}
