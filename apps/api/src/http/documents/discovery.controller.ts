import { createHash } from 'node:crypto';
import { All, Controller, Inject, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { KubeObject } from '#apimachinery';
import {
  aggregatedDiscovery,
  apiGroup,
  apiGroupList,
  apiResourceList,
  apiVersions,
  type DiscoveryVersion,
} from '#kinds';
import {
  JSON_TYPE,
  mediaTypeOf,
  negotiateOutput,
  type OutputFormat,
  PLAIN_OBJECT,
  parseAccept,
} from '../../codec/negotiation.js';
import { renderObject } from '../objects/response-renderer.js';
import { API_SURFACE, type ApiSurface, surfaceGeneration } from './api.tokens.js';
import { withAggregatedGroups, withAggregatedResources, withAggregatedVersions } from './merged-discovery.js';

interface Document {
  /** Of the catalog that it shows. */
  generation: number;
  list: object;
  etag: string;
  /** By media type. */
  bodies: Map<OutputFormat['mediaType'], Buffer>;
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
  async coreVersion(
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Param('version') version: string,
  ): Promise<void> {
    await this.plain(request, reply, apiResourceList(this.surface.catalog.list(), '', version));
  }

  @All('apis/:group')
  async group(
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Param('group') group: string,
  ): Promise<void> {
    const { catalog, aggregated } = this.surface;
    const own = apiGroup(catalog.list(), group);
    await this.plain(request, reply, aggregated ? withAggregatedVersions(own as never, group, aggregated) : own);
  }

  @All('apis/:group/:version')
  async groupVersion(
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Param('group') group: string,
    @Param('version') version: string,
  ): Promise<void> {
    await this.plain(request, reply, apiResourceList(this.surface.catalog.list(), group, version));
  }

  private async root(
    request: FastifyRequest,
    reply: FastifyReply,
    root: '/api' | '/apis',
    plain: () => object,
  ): Promise<void> {
    const wanted = wantedList(request.headers.accept);
    reply.header('vary', 'Accept');
    if (wanted === undefined) {
      await this.plain(request, reply, plain());
      return;
    }
    const { version, mediaType } = wanted;
    const document = this.aggregatedDocument(root, version);
    reply.header('etag', document.etag).header('cache-control', 'public');
    if (request.headers['if-none-match'] === document.etag) {
      await reply.code(304).send();
      return;
    }
    let body = document.bodies.get(mediaType);
    if (!body) {
      body = renderObject(document.list as KubeObject, mediaType);
      document.bodies.set(mediaType, body);
    }
    await reply
      .header('content-type', `${mediaType};g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`)
      .send(body);
  }

  private aggregatedDocument(root: '/api' | '/apis', version: DiscoveryVersion): Document {
    const key = `${root} ${version}`;
    const generation = surfaceGeneration(this.surface);
    let document = this.aggregated.get(key);
    if (document?.generation !== generation) {
      const { catalog, aggregated } = this.surface;
      const own = aggregatedDiscovery(catalog.list(), root, version);
      const list = aggregated && root === '/apis' ? withAggregatedResources(own as never, aggregated) : own;
      const json = renderObject(list as KubeObject, JSON_TYPE);
      const etag = `"${createHash('sha512').update(json).digest('hex').toUpperCase()}"`;
      document = { generation, list, etag, bodies: new Map([[JSON_TYPE, json]]) };
      this.aggregated.set(key, document);
    }
    return document;
  }

  private withOthers(list: object): object {
    const { aggregated } = this.surface;
    return aggregated ? withAggregatedGroups(list as never, aggregated) : list;
  }

  private async plain(request: FastifyRequest, reply: FastifyReply, body: object | undefined): Promise<void> {
    if (body === undefined) {
      await reply.code(404).type('text/plain; charset=utf-8').send('404 page not found\n');
      return;
    }
    const format = negotiateOutput(request.headers.accept, PLAIN_OBJECT);
    await reply
      .header('cache-control', 'no-cache, private')
      .header('content-type', format.mediaType)
      .send(renderObject(body as KubeObject, format.mediaType));
  }
}

interface WantedList {
  version: DiscoveryVersion;
  mediaType: OutputFormat['mediaType'];
}

/** The aggregated list comes first wherever it stands among what is asked for; undefined: nobody asks for it. */
function wantedList(accept: string | undefined): WantedList | undefined {
  if (!accept) return undefined;
  for (const clause of parseAccept(accept)) {
    const mediaType = mediaTypeOf(clause);
    const { g, v, as } = clause.parameters;
    if (!mediaType || clause.q === 0 || g !== 'apidiscovery.k8s.io' || as !== 'APIGroupDiscoveryList') continue;
    if (v === 'v2' || v === 'v2beta1') return { version: v, mediaType };
  }
  return undefined;
}
