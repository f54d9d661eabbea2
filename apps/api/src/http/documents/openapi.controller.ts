import { createHash } from 'node:crypto';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { All, Controller, Inject, NotFoundException, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { setOwn } from '#apimachinery';
import { openApiV2, openApiV3, openApiV3Path } from '#kinds';
import { API_SURFACE, type ApiSurface } from './api.tokens.js';

interface Document {
  /** Of the catalog, or of the group's version in it. */
  generation: number;
  body: string;
  hash: string;
}

/** An address with a hash never changes what it means. */
const FOREVER = 'public, immutable';

/** OpenAPI documents; each is made when somebody first asks for it. */
@Controller()
export class OpenApiController {
  private readonly documents = new Map<string, Document>();

  constructor(@Inject(API_SURFACE) private readonly surface: ApiSurface) {}

  @All('openapi/v3')
  async index(@Res() reply: FastifyReply): Promise<void> {
    const paths: Record<string, { serverRelativeURL: string }> = {};
    for (const [path, { group, version }] of this.groupVersions()) {
      const { hash } = this.groupVersion(path, group, version);
      setOwn(paths, path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` });
      // Whoever asks first waits for all documents to be made; others are served in between.
      await turnOfTheLoop();
    }
    const { aggregated } = this.surface;
    for (const api of aggregated?.list() ?? []) {
      const address = aggregated?.documentsOf(api)?.openApi;
      if (address) setOwn(paths, `apis/${api.group}/${api.version}`, { serverRelativeURL: address });
    }
    await reply
      .header('cache-control', 'no-cache, private')
      .header('content-type', 'application/json')
      .send(JSON.stringify({ paths }));
  }

  @All('openapi/v3/*')
  async document(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const [address, query = ''] = request.url.split('?') as [string, string | undefined];
    const path = decodeURIComponent(address.slice('/openapi/v3/'.length));
    const served = this.groupVersions().get(path);
    if (!served) throw new NotFoundException();
    const document = this.groupVersion(path, served.group, served.version);
    const hash = new URLSearchParams(query).get('hash');
    if (hash !== null && hash !== document.hash) {
      await reply.code(301).header('location', `${address}?hash=${document.hash}`).send();
      return;
    }
    if (hash !== null) {
      reply.header('cache-control', FOREVER).header('expires', new Date(Date.now() + 365 * 86_400_000).toUTCString());
    }
    await this.send(request, reply, document);
  }

  @All('openapi/v2')
  async v2(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const document = this.made('v2', this.surface.catalog.generation, () => openApiV2(this.surface.catalog.list()));
    await this.send(request, reply, document);
  }

  private groupVersions(): Map<string, { group: string; version: string }> {
    const served = new Map<string, { group: string; version: string }>();
    for (const { group, version } of this.surface.catalog.list()) {
      served.set(openApiV3Path(group, version), { group, version });
    }
    return served;
  }

  private groupVersion(path: string, group: string, version: string): Document {
    const { catalog } = this.surface;
    const generation = catalog.generationOf(group, version) ?? 0;
    return this.made(path, generation, () => openApiV3(catalog.list(), group, version) ?? '{}');
  }

  private made(key: string, generation: number, make: () => string): Document {
    let document = this.documents.get(key);
    if (document?.generation !== generation) {
      const body = make();
      document = { generation, body, hash: createHash('sha512').update(body).digest('hex').toUpperCase() };
      this.documents.set(key, document);
    }
    return document;
  }

  private async send(request: FastifyRequest, reply: FastifyReply, document: Document): Promise<void> {
    const etag = `"${document.hash}"`;
    reply.header('etag', etag).header('vary', 'Accept');
    if (request.headers['if-none-match'] === etag) {
      await reply.code(304).send();
      return;
    }
    await reply.header('content-type', 'application/json').send(document.body);
  }
}
