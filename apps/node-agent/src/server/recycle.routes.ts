import { ScrubError } from '../volumes/volume-scrubber.js';
import { HttpError } from './http-error.js';
import type { NodeServerOptions } from './node-server-options.js';
import type { Route } from './router.js';

const STATUS = { path: 400, inUse: 409 } as const;

/** Empties the folder of a volume that is recycled: who may use `nodes/proxy` may do that. */
export function recycleRoutes({ scrubber }: NodeServerOptions): Route[] {
  if (!scrubber) return [];
  return [
    {
      methods: ['DELETE'],
      path: '/volumes/contents',
      async handle({ url }, response) {
        await scrubber.scrub(url.searchParams.get('path') ?? '').catch((error) => {
          throw error instanceof ScrubError ? new HttpError(STATUS[error.problem], error.message) : error;
        });
        response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}');
      },
    },
  ];
}
