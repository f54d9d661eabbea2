import { setImmediate as nextTurn } from 'node:timers/promises';
import type { UserInfo } from '#apimachinery';
import { renderResult } from './http/response-renderer.js';
import { MERGE_PATCH, STRATEGIC_PATCH } from './registry/patch.js';
import type { ApiRequest } from './registry/pipeline.js';
import type { Registry } from './server.js';

/** Milliseconds that a start waits for the warm-up at most, and rounds after which it gains little. */
const BUDGET_MS = 500;
const ROUNDS = 100;

const NEVER = new AbortController().signal;
const JSON_FORMAT = { mediaType: 'application/json', as: undefined, asVersion: '', pretty: false } as const;

export interface WarmUp {
  rounds: number;
  /** Why requests were refused, each reason once: their way through the server is not warm. */
  refused: string[];
}

/**
 * Runs the object path on dry runs of common requests until V8 has compiled it: the first thousands of requests after a start would
 * otherwise take twice the time of later ones. Nothing is stored. Bounded in time, so that a slow machine starts all the same.
 */
export async function warmUp(registry: Registry, user: UserInfo): Promise<WarmUp> {
  const requests = commonRequests(user);
  const refused = new Set<string>();
  const end = performance.now() + BUDGET_MS;
  let rounds = 0;
  for (; rounds < ROUNDS && performance.now() < end; rounds += 1) {
    for (const request of requests) {
      const reason = await run(registry, request);
      if (reason !== undefined) refused.add(`${request.verb} ${request.resource}: ${reason}`);
    }
    // Whoever came meanwhile is served first.
    await nextTurn();
  }
  return { rounds, refused: [...refused] };
}

async function run({ handler, context }: Registry, request: ApiRequest): Promise<string | undefined> {
  try {
    const result = await handler.handle(request, { warnings: [] });
    const entry = context.resources.find(request.group, request.version, request.resource);
    if (result.kind !== 'watch') renderResult(result, entry, JSON_FORMAT, () => 'Metadata');
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function commonRequests(user: UserInfo): ApiRequest[] {
  const request = (verb: string, resource: string, given: Partial<ApiRequest> = {}): ApiRequest => ({
    verb,
    group: '',
    version: 'v1',
    resource,
    subresource: '',
    namespace: 'default',
    name: '',
    path: '',
    query: new URLSearchParams(WRITES.has(verb) ? { dryRun: 'All' } : {}),
    contentType: 'application/json',
    userAgent: 'warm-up/v0',
    user,
    signal: NEVER,
    ...given,
    body: given.body === undefined ? undefined : Buffer.from(JSON.stringify(given.body)),
  });
  const labels = { app: 'warm-up', tier: 'web' };
  const template = { metadata: { labels }, spec: podSpec() };
  // A mirror pod needs no ServiceAccount, which a new cluster does not have yet; it names its node.
  const metadata = { name: 'warm-up', labels, annotations: { 'kubernetes.io/config.mirror': 'warm-up' } };
  const patch = { metadata: { labels: { patched: 'yes' } } };
  const root = { namespace: '', name: 'default' };
  return [
    request('create', 'pods', {
      body: { apiVersion: 'v1', kind: 'Pod', metadata, spec: { ...podSpec(), nodeName: 'warm-up' } },
    }),
    request('create', 'deployments', {
      group: 'apps',
      body: {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'warm-up', labels },
        spec: { replicas: 2, selector: { matchLabels: labels }, template },
      },
    }),
    request('create', 'configmaps', {
      body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'warm-up' }, data: { key: 'value' } },
    }),
    request('patch', 'namespaces', { ...root, contentType: STRATEGIC_PATCH, body: patch }),
    request('patch', 'namespaces', { ...root, contentType: MERGE_PATCH, body: patch }),
    request('get', 'namespaces', root),
    request('list', 'services', { query: new URLSearchParams({ labelSelector: 'component=apiserver' }) }),
  ];
}

const WRITES = new Set(['create', 'patch']);

function podSpec(): object {
  return {
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    containers: [
      {
        name: 'web',
        image: 'registry.example/web:1',
        args: ['--port=8080'],
        ports: [{ containerPort: 8080 }],
        env: [
          { name: 'MODE', value: 'warm' },
          { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
        ],
        resources: { requests: { cpu: '100m', memory: '64Mi' }, limits: { memory: '128Mi' } },
        readinessProbe: { httpGet: { path: '/ready', port: 8080 } },
        volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }],
      },
    ],
    volumes: [{ name: 'scratch', emptyDir: {} }],
  };
}
