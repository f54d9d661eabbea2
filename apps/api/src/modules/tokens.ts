import type { Clock } from '#client';
import type { NodeFolders } from '#controllers';
import type { AdmissionChain } from '../admission/admission-chain.js';
import type { Authentication } from '../authentication/request-authenticator.js';
import type { Authorization } from '../authorization/authorizer-chain.js';
import type { WebhookCaller } from '../custom-resources/conversions.js';
import type { NodeCredentials } from '../http/proxy/connect.handler.js';
import type { ProxyNetwork } from '../http/proxy/proxy-network.js';
import { key } from '../injection/provide.js';
import type { ReadNodeUsage } from '../kinds/usage/usage-scraper.js';
import type { Pki } from '../pki/pki.js';
import type { ComputedResource } from '../registry/computed-resource.js';
import type { Registry } from '../registry/registry.js';
import type { VirtualResource } from '../registry/virtual-resource.js';
import type { WriteParticipant } from '../registry/write/write-participant.js';
import type { History, Store, StoreOptions } from '../storage/index.js';
import type { Lister } from '../storage/lister.js';
import type { ControlPlaneOptions } from './control-plane-options.js';

export const OPTIONS = key<ControlPlaneOptions>('control plane options');
export const CLOCK = key<Clock>('clock');
/** The clock as dates. */
export const NOW = key<() => Date>('now');

/** Where the store is to differ from its defaults. */
export type StoreTuning = Pick<StoreOptions, 'ringBytes' | 'retention' | 'compactionMs'>;
export const STORE_TUNING = key<StoreTuning>('store tuning');
export const STORE = key<Store>('store');
export const HISTORY = key<History>('history');
export const LISTER = key<Lister>('lister');
export const PKI = key<Pki>('pki');
/** What node servers know this server by. */
export const NODE_CREDENTIALS = key<NodeCredentials>('node credentials');

export const AUTHORIZER = key<Authorization>('authorizer');
export const AUTHENTICATOR = key<Authentication>('authenticator');
/** `iss` of ServiceAccount tokens. */
export const ISSUER_URL = key<string>('issuer URL');
export const ADMISSION = key<AdmissionChain>('admission');
export const VIRTUAL_RESOURCES = key<readonly VirtualResource[]>('virtual resources');
/** Where the usage of nodes comes from. */
export const READ_NODE_USAGE = key<ReadNodeUsage>('node usage');
export const COMPUTED_RESOURCES = key<readonly ComputedResource[]>('computed resources');
export const WRITE_PARTICIPANTS = key<readonly WriteParticipant[]>('write participants');
export const REGISTRY = key<Registry>('registry');

/** Who makes and deletes folders of volumes. */
export const NODE_FOLDERS = key<NodeFolders>('node folders');

/** Who calls conversion webhooks. */
export const WEBHOOK_CALLER = key<WebhookCaller>('webhook caller');

/** How proxied requests leave the process. */
export const PROXY_NETWORK = key<ProxyNetwork>('proxy network');
