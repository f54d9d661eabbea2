import type { ServerResponse } from 'node:http';
import { FolderError } from '../volumes/local-path-folders.js';
import { HttpError } from './http-error.js';
import type { NodeServerOptions } from './node-server-options.js';
import type { Route } from './router.js';

const STATUS = { name: 400, inUse: 409 } as const;

/** Folders of local-path volumes, for the provisioner: who may use `nodes/proxy` may make and delete them. */
export function localPathRoutes({ folders }: NodeServerOptions): Route[] {
  if (!folders) return [];
  const route = (method: string, act: (folder: string, root?: string) => Promise<Record<string, string>>): Route => ({
    methods: [method],
    path: '/volumes/local-path/:folder',
    async handle({ params, url }, response) {
      const root = url.searchParams.get('root') ?? undefined;
      answer(response, await act(params['folder']!, root).catch(refused));
    },
  });
  return [
    route('PUT', async (folder, root) => ({ path: await folders.create(folder, root) })),
    route('DELETE', async (folder, root) => {
      await folders.delete(folder, root);
      return {};
    }),
  ];
}

function refused(error: unknown): never {
  throw error instanceof FolderError ? new HttpError(STATUS[error.problem], error.message) : error;
}

function answer(response: ServerResponse, body: Record<string, string>): void {
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}
