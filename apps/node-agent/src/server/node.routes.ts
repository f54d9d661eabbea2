import { readdir, realpath, stat } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { dirname, join, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { FileTree } from '#files';
import type { Pod } from '../pod/pod.js';
import { HttpError } from './http-error.js';
import type { NodeServerOptions } from './node-server-options.js';
import type { Route } from './router.js';

/** Health, pods, configuration and the node's own logs. */
export function nodeRoutes(server: NodeServerOptions): Route[] {
  const logs = (path: string): Route => ({
    methods: ['GET'],
    path,
    handle: ({ params, url }, response) =>
      serveNodeLog(server.nodeLogDirectory ?? '/var/log', params['*'] ?? '', url.pathname, response),
  });
  return [
    {
      methods: ['GET'],
      path: '/healthz/*',
      handle: (_call, response) => {
        const reason = server.unhealthy?.();
        if (reason) throw new HttpError(500, `[-]syncloop failed: ${reason}\nhealthz check failed`);
        response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8' }).end('ok');
      },
    },
    {
      methods: ['GET'],
      path: '/pods',
      handle: (_call, response) => sendJson(response, podList(server.pods.list())),
    },
    {
      methods: ['GET'],
      path: '/runningpods',
      handle: (_call, response) => sendJson(response, podList(runningPods(server))),
    },
    {
      methods: ['GET'],
      path: '/configz',
      handle: (_call, response) => sendJson(response, { kubeletconfig: server.configuration?.() ?? {} }),
    },
    logs('/logs/*'),
  ];
}

function sendJson(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}

function podList(items: readonly unknown[]): Record<string, unknown> {
  return { kind: 'PodList', apiVersion: 'v1', metadata: {}, items };
}

/** What runs, by the runtime's word: only names and images. */
function runningPods({ pods }: NodeServerOptions): Partial<Pod>[] {
  return pods.list().flatMap((pod): Partial<Pod>[] => {
    const containers = pods.observed(pod.metadata.uid)?.containers.filter(({ state }) => state === 'running') ?? [];
    if (containers.length === 0) return [];
    const { name, namespace, uid } = pod.metadata;
    return [
      {
        metadata: { name, namespace, uid },
        spec: { containers: containers.map(({ name: container, image }) => ({ name: container, image })) },
      },
    ];
  });
}

/** A file below the node's log folder, or a page with the names in a folder. Links out of it are not followed. */
async function serveNodeLog(root: string, path: string, pathname: string, response: ServerResponse): Promise<void> {
  const missing = new HttpError(404, '404 page not found');
  const base = await realpath(root).catch(() => Promise.reject(missing));
  const target = await realpath(join(base, path)).catch(() => Promise.reject(missing));
  if (target !== base && !target.startsWith(base + sep)) throw missing;
  const found = await stat(target).catch(() => Promise.reject(missing));
  if (found.isDirectory()) {
    if (!pathname.endsWith('/')) {
      response.writeHead(301, { Location: `${pathname}/` }).end();
      return;
    }
    const entries = await readdir(target, { withFileTypes: true });
    const names = entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).sort();
    const links = names.map(
      (name) => `<a href="${encodeURIComponent(name).replace('%2F', '/')}">${escapeHtml(name)}</a>\n`,
    );
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' });
    response.end(`<!doctype html>\n<pre>\n${links.join('')}</pre>\n`);
    return;
  }
  if (!found.isFile()) throw missing;
  const file = await new FileTree(dirname(target)).open(target).catch(() => Promise.reject(missing));
  response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8' });
  await pipeline(file.readable(), response).catch(() => response.destroy());
}

function escapeHtml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&#34;');
}
