import type { IncomingMessage } from 'node:http';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { UserInfo } from '#apimachinery';

const users = new WeakMap<IncomingMessage, UserInfo>();

/** Said by the dispatcher, which has authenticated the request, before the framework has it. */
export function setRequestUser(request: IncomingMessage, user: UserInfo): void {
  users.set(request, user);
}

/** The user that sends the request. */
export const RequestUser = createParamDecorator((_: unknown, context: ExecutionContext): UserInfo => {
  const user = users.get(context.switchToHttp().getRequest<FastifyRequest>().raw);
  if (!user) throw new Error('a request came past the dispatcher');
  return user;
});
