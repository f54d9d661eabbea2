import type { CustomResourceDefinition, CustomResourceDefinitionVersion } from '#kinds';
import { request, type Sent, type TestServer } from '#testing';

/** Builders of CustomResourceDefinitions, and requests for them. */

export const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

export interface DefinitionParts {
  group?: string;
  /** Plural; the other names follow. */
  plural?: string;
  scope?: 'Namespaced' | 'Cluster';
  names?: object;
  versions?: Partial<CustomResourceDefinitionVersion>[];
  conversion?: object;
  annotations?: Record<string, string>;
}

const SPEC = { type: 'object', properties: { color: { type: 'string' }, size: { type: 'integer' } } };

export function version(
  name: string,
  more: Partial<CustomResourceDefinitionVersion> = {},
): CustomResourceDefinitionVersion {
  return {
    name,
    served: true,
    storage: false,
    schema: {
      openAPIV3Schema: {
        type: 'object',
        properties: { spec: SPEC, status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    },
    ...more,
  };
}

/** Widgets of example.com with one version, where nothing else is said. */
export function definition(parts: DefinitionParts = {}): CustomResourceDefinition {
  const { group = 'example.com', plural = 'widgets', scope = 'Namespaced', annotations } = parts;
  const singular = plural.replace(/s$/, '');
  const kind = singular[0]!.toUpperCase() + singular.slice(1);
  const versions = (parts.versions ?? [version('v1', { storage: true })]) as CustomResourceDefinitionVersion[];
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}`, annotations },
    spec: {
      group,
      scope,
      names: { plural, singular, kind, listKind: `${kind}List`, ...parts.names },
      versions,
      ...(parts.conversion ? { conversion: parts.conversion as never } : undefined),
    },
  };
}

/** Requests to one server, as JSON. */
export class DefinitionClient {
  constructor(readonly server: TestServer) {}

  /** Code and body, whatever they are. */
  async ask(
    method: string,
    path: string,
    body?: unknown,
    headers: Sent['headers'] = {},
  ): Promise<{ code: number; json: any }> {
    const answer = await request(this.server, path, { method, body: body as object, headers });
    const isJson = answer.body[0] === '{'.charCodeAt(0);
    return { code: answer.code, json: isJson ? answer.json : undefined };
  }

  /** The body of a good answer. Throws what the server says otherwise. */
  async ok(method: string, path: string, body?: unknown, headers?: Sent['headers']): Promise<any> {
    const { code, json } = await this.ask(method, path, body, headers);
    if (code >= 300) throw new Error(`${method} ${path}: ${code} ${JSON.stringify(json)}`);
    return json;
  }

  get(path: string): Promise<any> {
    return this.ok('GET', path);
  }

  merge(path: string, patch: object): Promise<any> {
    return this.ok('PATCH', path, patch, { 'content-type': 'application/merge-patch+json' });
  }

  apply(path: string, object: object, manager = 'tester'): Promise<any> {
    const query = `${path.includes('?') ? '&' : '?'}fieldManager=${manager}`;
    return this.ok('PATCH', `${path}${query}`, object, { 'content-type': 'application/apply-patch+yaml' });
  }

  /** Creates the definition and waits until it is established. */
  async establish(crd: CustomResourceDefinition): Promise<any> {
    await this.ok('POST', CRDS, crd);
    return this.until(crd.metadata.name!, (read) => condition(read, 'Established')?.status === 'True');
  }

  /** Waits until the definition is as `holds` says; `holds` sees undefined when it is gone. */
  async until(name: string, holds: (crd: any) => boolean): Promise<any> {
    for (let attempt = 0; ; attempt++) {
      const { code, json } = await this.ask('GET', `${CRDS}/${name}`);
      const crd = code === 404 ? undefined : json;
      if (holds(crd)) return crd;
      if (attempt > 500) throw new Error(`${name} did not become as it should: ${JSON.stringify(crd?.status)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Deletes all definitions, whose objects must not be held by finalizers, and waits until they are gone. */
  async removeAll(): Promise<void> {
    for (const { metadata } of (await this.get(CRDS)).items) await this.remove(metadata.name);
  }

  /** Deletes the definition and waits until it is gone. */
  async remove(name: string): Promise<void> {
    await this.ok('DELETE', `${CRDS}/${name}`);
    await this.until(name, (crd) => crd === undefined);
  }
}

export function condition(crd: any, type: string): any {
  return crd?.status?.conditions?.find((candidate: { type: string }) => candidate.type === type);
}

/** Conditions as `Type=Status Reason`, in order. */
export function conditions(crd: any): string[] {
  return (crd.status?.conditions ?? []).map(
    ({ type, status, reason }: Record<string, string>) => `${type}=${status} ${reason}`,
  );
}
