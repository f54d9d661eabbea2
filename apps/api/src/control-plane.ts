import 'reflect-metadata';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Client } from '#client';
import { ResourceCatalog } from '#kinds';
import { frameworkAdapter } from './http/https-server.js';
import { Bootstrap } from './modules/bootstrap.module.js';
import { ControlPlaneModule } from './modules/control-plane.module.js';
import type { ControlPlaneOptions } from './modules/control-plane-options.js';
import { Loops } from './modules/loops.module.js';
import { ProcessClients } from './modules/process-clients.js';
import { serverUrl, withPort } from './modules/server-address.js';
import { OPTIONS, PKI, STORE } from './modules/tokens.js';
import type { Pki } from './pki/pki.js';
import type { Store } from './storage/index.js';

export interface ControlPlane {
  readonly port: number;
  readonly url: string;
  readonly pki: Pki;
  readonly store: Store;
  /** The resources that are served; more may come and go while it runs. */
  readonly catalog: ResourceCatalog;
  /** A client of this process; the name is a user or `system:serviceaccount:<namespace>:<name>`. */
  client(identity: string, groups?: readonly string[]): Client;
  /** Resolves when the cluster's own objects are there. */
  readonly bootstrapped: Promise<void>;
  /** Resolves with the reason, or rejects, when the process has to end. */
  readonly ended: Promise<string>;
  close(): Promise<void>;
}

/** Starts everything that runs in the server process. */
export async function startControlPlane(given: ControlPlaneOptions): Promise<ControlPlane> {
  const options = await withPort(given);
  const root = ControlPlaneModule.with(options);
  const quiet = { logger: false, abortOnError: false } as const;
  // What serves no API needs no HTTP framework.
  const application = options.components.has('api')
    ? await NestFactory.create(root, frameworkAdapter(), { ...quiet, bodyParser: false })
    : await NestFactory.createApplicationContext(root, quiet);
  return runControlPlane(application);
}

/** Starts an application that is made of the ControlPlaneModule. One that cannot start is closed. */
export async function runControlPlane(application: INestApplicationContext): Promise<ControlPlane> {
  try {
    await application.init();
  } catch (error) {
    await application.close();
    throw error;
  }
  const options = application.get(OPTIONS);
  const bootstrap = application.get(Bootstrap);
  const clients = application.get(ProcessClients);
  const bootstrapped = bootstrap.finished;
  const bootstrapFailed = bootstrapped.then(
    () => new Promise<string>(() => {}),
    (error) => `bootstrap failed: ${(error as Error).message}`,
  );
  const ended = Promise.race([application.get(Loops).failed, bootstrapFailed]);
  ended.catch(() => {});
  return {
    port: options.securePort,
    url: serverUrl(options),
    pki: application.get(PKI),
    store: application.get(STORE),
    catalog: application.get(ResourceCatalog),
    client: (identity, groups) => clients.as(identity, groups),
    bootstrapped,
    ended,
    close: () => application.close(),
  };
}
