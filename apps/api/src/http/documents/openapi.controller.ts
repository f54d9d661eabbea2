import { createHash } from 'node:crypto';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { All, Controller, Inject, NotFoundException, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { setOwn } from '#apimachinery';
import {
  OPENAPI_V2_PROTOBUF,
  OPENAPI_V2_PROTOBUF_ASKED,
  openApiV2,
  openApiV2Protobuf,
  openApiV3,
  openApiV3Path,
} from '#kinds';
import { API_SURFACE, type ApiSurface } from './api.tokens.js';

interface Document {
  /** Of the catalog, or of the group's version in it. */
  generation: number;
  body: string | Buffer;
  hash: string;
}

/** An address with a hash never changes what it means. */
const FOREVER = 'public, immutable';

const JSON_TYPE = 'application/json';
/** Paths and definitions that are encoded in one turn. */
const PARTS_OF_A_TURN = 100;

/** OpenAPI documents; each is made when somebody first asks for it. */
@Controller()
export class OpenApiController {
  private readonly documents = new Map<string, Document>();
  /** OpenAPI v2 in its other form; whoever asks while it is made waits for the same one. */
  private protobuf: { generation: number; document: Promise<Document> } | undefined;

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
    const { catalog } = this.surface;
    const document = this.made('v2', catalog.generation, () => openApiV2(catalog.list()));
    if (!asksForProtobuf(request.headers.accept)) {
      await this.send(request, reply, document);
      return;
    }
    if (this.protobuf?.generation !== document.generation) {
      this.protobuf = { generation: document.generation, document: encoded(document) };
    }
    await this.send(request, reply, await this.protobuf.document, OPENAPI_V2_PROTOBUF);
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
      document = { generation, body, hash: hashOf(body) };
      this.documents.set(key, document);
    }
    return document;
  }

  private async send(
    request: FastifyRequest,
    reply: FastifyReply,
    document: Document,
    type = JSON_TYPE,
  ): Promise<void> {
    const etag = `"${document.hash}"`;
    reply.header('etag', etag).header('vary', 'Accept');
    if (request.headers['if-none-match'] === etag) {
      await reply.code(304).send();
      return;
    }
    await reply.header('content-type', type).send(document.body);
  }
}

const hashOf = (body: string | Buffer) => createHash('sha512').update(body).digest('hex').toUpperCase();

const PROTOBUF_TYPES = [OPENAPI_V2_PROTOBUF, OPENAPI_V2_PROTOBUF_ASKED];

/** The first of what is accepted that there is decides. */
function asksForProtobuf(accept = ''): boolean {
  const types = accept.split(',').map((range) => range.split(';')[0]!.trim());
  const served = types.find((type) => PROTOBUF_TYPES.includes(type) || type === JSON_TYPE || type === '*/*');
  return served !== undefined && PROTOBUF_TYPES.includes(served);
}

async function encoded({ generation, body }: Document): Promise<Document> {
  const parts: Buffer[] = [];
  for (const part of openApiV2Protobuf(JSON.parse(body as string))) {
    if (parts.push(part) % PARTS_OF_A_TURN === 0) await turnOfTheLoop();
  }
  const protobuf = Buffer.concat(parts);
  return { generation, body: protobuf, hash: hashOf(protobuf) };
}
