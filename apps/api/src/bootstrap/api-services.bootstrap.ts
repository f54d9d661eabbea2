import type { Client } from '#client';
import { gvr } from '#kinds';
import { ownApiServices } from '../aggregation/local-api-services.js';
import { ensureObject } from './ensure-object.js';

/** APIServices of the groups that every server has: clients list them to learn what is served, and by whom. */
export async function ensureApiServices(client: Client): Promise<void> {
  await Promise.all(ownApiServices().map((service) => ensureObject(client, gvr.apiservices, service)));
}
