import { Module } from '@nestjs/common';
import { provide } from '../injection/provide.js';
import { preparePki } from '../pki/pki.js';
import { serverUrl } from './server-address.js';
import { OPTIONS, PKI } from './tokens.js';

/** Keys, certificates and kubeconfigs; missing ones are made before anybody has them. */
@Module({
  providers: [provide(PKI, [OPTIONS], (options) => preparePki({ ...options, serverUrl: serverUrl(options) }))],
  exports: [PKI],
})
export class PkiModule {}
