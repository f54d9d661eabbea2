import { createHash } from 'node:crypto';
import { All, Controller, Inject, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { notAcceptable } from '#apimachinery';
import {
  aggregatedDiscovery,
  apiGroup,
  apiGroupList,
  apiResourceList,
  apiVersions,
  type DiscoveryVersion,
} from '#kinds';
import { parseAccept } from '../../codec/negotiation.js';
import { API_SURFACE, type ApiSurface, surfaceGeneration } from './api.tokens.js';
import { withAggregatedGroups, withAggregatedResources, withAggregatedVersions } from './merged-discovery.js';

interface Document {
  /** Of the catalog that it shows. */
  generation: number;
  body: string;
  etag: string;
}

/** /api and /apis, group and version lists, plain or aggregated as Accept asks. */
@Controller()
export class DiscoveryController {
  private readonly aggregated = new Map<string, Document>();

  constructor(@Inject(API_SURFACE) private readonly surface: ApiSurface) {}

  @All('api')
  async core(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.root(request, reply, '/api', () => apiVersions(this.surface.serverAddress));
  }

  @All('apis')
  async groups(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.root(request, reply, '/apis', () => this.withOthers(apiGroupList(this.surface.catalog.list())));
  }

  @All('api/:version')
  async coreVersion(@Res() reply: FastifyReply, @Param('version') version: string): Promise<void> {
    await this.plain(reply, apiResourceList(this.surface.catalog.list(), '', version));
  }

  @All('apis/:group')
  async group(@Res() reply: FastifyReply, @Param('group') group: string): Promise<void> {
    const { catalog, aggregated } = this.surface;
    const own = apiGroup(catalog.list(), group);
    await this.plain(reply, aggregated ? withAggregatedVersions(own as never, group, aggregated) : own);
  }

  @All('apis/:group/:version')
  async groupVersion(
    @Res() reply: FastifyReply,
    @Param('group') group: string,
    @Param('version') version: string,
  ): Promise<void> {
    await this.plain(reply, apiResourceList(this.surface.catalog.list(), group, version));
  }

  private async root(
    request: FastifyRequest,
    reply: FastifyReply,
    root: '/api' | '/apis',
    plain: () => object,
  ): Promise<void> {
    const wanted = wantedForm(request.headers.accept);
    reply.header('vary', 'Accept');
    if (wanted === undefined) {
      const accepted = [
        'application/json',
        'application/yaml',
        'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList',
      ];
      const { status } = notAcceptable(accepted);
      await reply.code(406).type('application/json').send(JSON.stringify(status));
      return;
    }
    if (wanted === 'plain') {
      await this.plain(reply, plain());
      return;
    }
    const document = this.aggregatedDocument(root, wanted);
    reply.header('etag', document.etag).header('cache-control', 'public');
    if (request.headers['if-none-match'] === document.etag) {
      await reply.code(304).send();
      return;
    }
    await reply
      .header('content-type', `application/json;g=apidiscovery.k8s.io;v=${wanted};as=APIGroupDiscoveryList`)
      .send(document.body);
  }

  private aggregatedDocument(root: '/api' | '/apis', version: DiscoveryVersion): Document {
    const key = `${root} ${version}`;
    const generation = surfaceGeneration(this.surface);
    let document = this.aggregated.get(key);
    if (document?.generation !== generation) {
      const { catalog, aggregated } = this.surface;
      const own = aggregatedDiscovery(catalog.list(), root, version);
      const all = aggregated && root === '/apis' ? withAggregatedResources(own as never, aggregated) : own;
      const body = JSON.stringify(all);
      const etag = `"${createHash('sha512').update(body).digest('hex').toUpperCase()}"`;
      document = { generation, body, etag };
      this.aggregated.set(key, document);
    }
    return document;
  }

  private withOthers(list: object): object {
    const { aggregated } = this.surface;
    return aggregated ? withAggregatedGroups(list as never, aggregated) : list;
  }

  private async plain(reply: FastifyReply, body: object | undefined): Promise<void> {
    if (body === undefined) {
      await reply.code(404).type('text/plain; charset=utf-8').send('404 page not found\n');
      return;
    }
    await reply
      .header('cache-control', 'no-cache, private')
      .header('content-type', 'application/json')
      .send(JSON.stringify(body));
  }
}

function wantedForm(accept: string | undefined): DiscoveryVersion | 'plain' | undefined {
  if (!accept) return 'plain';
  for (const { type, subtype, parameters } of parseAccept(accept)) {
    const json =
      (type === 'application' && (subtype === 'json' || subtype === '*')) || (type === '*' && subtype === '*');
    if (!json) continue;
    if (parameters.as === undefined) return 'plain';
    if (parameters.g !== 'apidiscovery.k8s.io' || parameters.as !== 'APIGroupDiscoveryList') continue;
    if (parameters.v === 'v2' || parameters.v === 'v2beta1') return parameters.v;
  }
  return undefined;
}
