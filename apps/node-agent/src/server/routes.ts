import { localPathRoutes } from './local-path.routes.js';
import { containerLogsRoute } from './logs/container-logs.route.js';
import { nodeRoutes } from './node.routes.js';
import type { NodeServerOptions } from './node-server-options.js';
import { recycleRoutes } from './recycle.routes.js';
import type { Route } from './router.js';
import { statsRoutes } from './stats/stats.routes.js';
import { streamingRoutes } from './streaming/streaming.routes.js';

/** All that the node serves. */
export function routes(server: NodeServerOptions): Route[] {
  return [
    containerLogsRoute(server),
    ...streamingRoutes(server),
    ...nodeRoutes(server),
    ...statsRoutes(server),
    ...localPathRoutes(server),
    ...recycleRoutes(server),
  ];
}
