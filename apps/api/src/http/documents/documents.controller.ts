import { All, Controller, Inject, NotFoundException, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { API_SURFACE, type ApiSurface } from './api.tokens.js';

/** Documents that other parts of the server publish: the token issuer's OpenID configuration and keys. */
@Controller()
export class DocumentsController {
  constructor(@Inject(API_SURFACE) private readonly surface: ApiSurface) {}

  @All(['.well-known/openid-configuration', 'openid/v1/jwks'])
  async document(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const make = this.surface.documents.get(request.url.split('?')[0]!);
    if (!make) throw new NotFoundException();
    const { mediaType, body } = make();
    await reply.header('cache-control', 'public, max-age=3600').header('content-type', mediaType).send(body);
  }
}
