import { Module } from '@nestjs/common';
import { provide } from '../injection/provide.js';
import { preparePki } from '../pki/pki.js';
import { serverUrl } from './server-address.js';
import { NODE_CREDENTIALS, OPTIONS, PKI } from './tokens.js';

/** Keys, certificates and kubeconfigs; missing ones are made before anybody has them. */
@Module({
  providers: [
    provide(PKI, [OPTIONS], (options) => preparePki({ ...options, serverUrl: serverUrl(options) })),
    provide(NODE_CREDENTIALS, [PKI], ({ ca, kubeletClient }) => ({
      ca: ca.certificate,
      cert: kubeletClient.certificate,
      key: kubeletClient.key,
    })),
  ],
  exports: [PKI, NODE_CREDENTIALS],
})
export class PkiModule {}
