import type { ServerResponse } from 'node:http';
import { FolderError } from '../volumes/local-path-folders.js';
import { HttpError } from './http-error.js';
import type { NodeServerOptions } from './node-server-options.js';
import type { Route } from './router.js';

const STATUS = { name: 400, inUse: 409 } as const;

/** What a request is about: a folder, where it is (absent: with the agent's own), and how many bytes it is to hold. */
interface Asked {
  folder: string;
  root?: string;
  capacity?: number;
}

/** Folders of local-path volumes, for the provisioner: who may use `nodes/proxy` may make and delete them. */
export function localPathRoutes({ folders }: NodeServerOptions): Route[] {
  if (!folders) return [];
  const route = (method: string, act: (asked: Asked, query: URLSearchParams) => Promise<object>): Route => ({
    methods: [method],
    path: '/volumes/local-path/*',
    async handle({ params, url: { searchParams: query } }, response) {
      const asked = { folder: params['*']!, root: query.get('root') ?? undefined, capacity: capacityOf(query) };
      answer(response, await act(asked, query).catch(refused));
    },
  });
  return [
    route('GET', async ({ folder, root }) => {
      if (folder !== '') throw new HttpError(404, '404 page not found');
      return { folders: await folders.list(root) };
    }),
    route('PUT', ({ folder, root, capacity }) => folders.create(folder, root, capacity)),
    route('PATCH', async ({ folder, root, capacity }) => {
      if (capacity === undefined) throw new HttpError(400, 'capacity is missing');
      return { limited: await folders.limit(folder, root, capacity) };
    }),
    route('DELETE', async ({ folder, root }, query) => {
      if (query.get('onlyEmpty') === 'true') await folders.deleteEmpty(folder, root);
      else await folders.delete(folder, root);
      return {};
    }),
  ];
}

function capacityOf(query: URLSearchParams): number | undefined {
  const text = query.get('capacity');
  if (text === null) return undefined;
  const bytes = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(bytes)) {
    throw new HttpError(400, `capacity ${JSON.stringify(text)} is no number of bytes`);
  }
  return bytes;
}

function refused(error: unknown): never {
  throw error instanceof FolderError ? new HttpError(STATUS[error.problem], error.message) : error;
}

function answer(response: ServerResponse, body: object): void {
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}
