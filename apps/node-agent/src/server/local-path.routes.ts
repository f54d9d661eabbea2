import type { ServerResponse } from 'node:http';
import { FolderError } from '../volumes/local-path-folders.js';
import { HttpError } from './http-error.js';
import type { NodeServerOptions } from './node-server-options.js';
import type { Route } from './router.js';

const STATUS = { name: 400, inUse: 409 } as const;

/** Folders of local-path volumes, for the provisioner: who may use `nodes/proxy` may make and delete them. */
export function localPathRoutes({ folders }: NodeServerOptions): Route[] {
  if (!folders) return [];
  const route = (method: string, act: (folder: string) => Promise<Record<string, string>>): Route => ({
    methods: [method],
    path: '/volumes/local-path/:folder',
    handle: async ({ params }, response) => answer(response, await act(params['folder']!).catch(refused)),
  });
  return [
    route('PUT', async (folder) => ({ path: await folders.create(folder) })),
    route('DELETE', async (folder) => {
      await folders.delete(folder);
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
