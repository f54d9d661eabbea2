import { Inject, Injectable } from '@nestjs/common';
import type { UserInfo } from '#apimachinery';
import type { Client } from '#client';
import { ALL_AUTHENTICATED, serviceAccountGroups, splitServiceAccountUser } from '../identity/users.js';
import type { Registry } from '../registry/registry.js';
import { REGISTRY } from './tokens.js';

/** Clients within this process. The name is a user or `system:serviceaccount:<namespace>:<name>`. */
@Injectable()
export class ProcessClients {
  constructor(@Inject(REGISTRY) private readonly registry: Registry) {}

  as(identity: string, groups?: readonly string[]): Client {
    return this.registry.client(identityOf(identity, groups), userAgentOf(identity));
  }
}

function identityOf(identity: string, groups: readonly string[] = []): UserInfo {
  const account = splitServiceAccountUser(identity);
  const own = account ? serviceAccountGroups(account.namespace) : [];
  return { name: identity, groups: [...own, ...groups, ALL_AUTHENTICATED] };
}

/** Shows as the manager in managedFields. */
function userAgentOf(identity: string): string {
  return identity.slice(identity.lastIndexOf(':') + 1);
}
