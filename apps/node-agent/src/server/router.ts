import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { setOwn } from '#apimachinery';
import { HttpError } from './http-error.js';

export interface NodeRequest {
  request: IncomingMessage;
  url: URL;
  /** What stood at the `:name` parts; `*` is the rest of the path. */
  params: Record<string, string>;
}

export type Handler = (call: NodeRequest, response: ServerResponse) => Promise<void> | void;
export type UpgradeHandler = (call: NodeRequest, socket: Duplex, head: Buffer) => Promise<void> | void;

export interface Route {
  methods: readonly string[];
  /** `/exec/:namespace/:pod/:container`; a last `*` matches any rest, also an empty one. */
  path: string;
  handle: Handler;
  /** For requests that switch protocols; without it they are handled as any other. */
  upgrade?: UpgradeHandler;
}

interface CompiledRoute extends Route {
  parts: string[];
}

export class Router {
  private readonly routes: CompiledRoute[];

  constructor(routes: readonly Route[]) {
    this.routes = routes.map((route) => ({ ...route, parts: split(route.path) }));
  }

  /** `path` as `requestUrl` gives it. Throws 404, or 405 with `Allow`. */
  match(method: string, path: string): { route: Route; params: Record<string, string> } {
    const parts = split(path);
    const allowed = new Set<string>();
    for (const route of this.routes) {
      const params = matchParts(route.parts, parts);
      if (!params) continue;
      if (route.methods.includes(method)) return { route, params };
      for (const other of route.methods) allowed.add(other);
    }
    if (allowed.size > 0) throw new HttpError(405, 'Method Not Allowed', { Allow: [...allowed].join(', ') });
    throw new HttpError(404, '404 page not found');
  }
}

function split(path: string): string[] {
  return path.split('/').filter((part) => part !== '');
}

function matchParts(pattern: readonly string[], parts: readonly string[]): Record<string, string> | undefined {
  const params: Record<string, string> = {};
  for (const [index, expected] of pattern.entries()) {
    if (expected === '*') {
      params['*'] = parts.slice(index).join('/');
      return params;
    }
    const actual = parts[index];
    if (actual === undefined) return undefined;
    if (expected.startsWith(':')) setOwn(params, expected.slice(1), actual);
    else if (expected !== actual) return undefined;
  }
  return parts.length === pattern.length ? params : undefined;
}
