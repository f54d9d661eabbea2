import { Controller, Get, Inject, NotFoundException, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { badRequest, type UserInfo } from '#apimachinery';
import { allowedOrThrow } from '../../authorization/forbidden.js';
import { HTTPS_OPTIONS, type HttpsServerOptions } from '../https-options.js';
import { API_SURFACE, type ApiSurface } from './api.tokens.js';
import { CheckedQueryPipe } from './checked-query.pipe.js';
import { HISTORY_PATH } from './document-paths.js';
import type { HistoryQuery } from './history.query.js';
import { RequestUser } from './request-user.js';

const query = new CheckedQueryPipe(async () => (await import('./history.query.js')).HistoryQuery);

/**
 * The versions that an object had within the last day. The path needs a permission like that for any path; the object needs the one
 * for getting it, as its versions say no less than it does.
 */
@Controller()
export class HistoryController {
  constructor(
    @Inject(API_SURFACE) private readonly surface: ApiSurface,
    @Inject(HTTPS_OPTIONS) private readonly https: HttpsServerOptions,
  ) {}

  @Get(HISTORY_PATH)
  async versions(
    @Query(query) { resource, namespace, name, before, limit }: HistoryQuery,
    @RequestUser() user: UserInfo,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { history, catalog } = this.surface;
    if (!history) throw new NotFoundException();
    const definition = catalog.findStored(resource);
    if (!definition) throw badRequest(`resource ${JSON.stringify(resource)} is not served`);
    if (definition.namespaced !== (namespace !== '')) {
      throw badRequest(definition.namespaced ? 'namespace should not be empty' : 'namespace should be empty');
    }
    const { group, version, plural } = definition;
    const asked = {
      user,
      verb: 'get',
      resourceRequest: true,
      group,
      version,
      resource: plural,
      subresource: '',
      namespace,
      name,
      path: '',
    };
    const { authorizer } = this.https.dispatching;
    await allowedOrThrow(authorizer, asked);
    // A permission in a namespace says nothing of an earlier namespace of that name.
    const since = namespace === '' ? undefined : this.surface.namespaceMade?.(namespace);
    const everywhere = since && (await authorizer.authorize({ ...asked, namespace: '' })).decision === 'Allow';
    const items = await history.versions({
      key: { resource, namespace, name },
      before,
      since: everywhere ? undefined : since,
      limit,
    });
    await reply
      .header('cache-control', 'no-cache, private')
      .type('application/json')
      .send(JSON.stringify({ items, before: items.length < limit ? undefined : items.at(-1)?.revision }));
  }
}
