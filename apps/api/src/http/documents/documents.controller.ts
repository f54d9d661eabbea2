import { All, Controller, Inject, NotFoundException, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { API_SURFACE, type ApiSurface } from './api.tokens.js';

/** Documents that other parts of the server publish: the token issuer's OpenID configuration and keys, debugging pages. */
@Controller()
export class DocumentsController {
  constructor(@Inject(API_SURFACE) private readonly surface: ApiSurface) {}

  @All(['.well-known/openid-configuration', 'openid/v1/jwks'])
  async document(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    void reply.header('cache-control', 'public, max-age=3600');
    await this.send(request, reply);
  }

  @All('debug/api_priority_and_fairness/:page')
  async debugging(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.send(request, reply);
  }

  private async send(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const [path, query] = request.url.split('?');
    const make = this.surface.documents.get(path!);
    if (!make) throw new NotFoundException();
    const { mediaType, body } = make(new URLSearchParams(query));
    await reply.header('content-type', mediaType).send(body);
  }
}
