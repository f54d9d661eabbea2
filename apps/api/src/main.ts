import { hostname } from 'node:os';
import { SettingError } from '#settings';
import { createLogger, openTelemetryTracer, startTraceExport } from '#telemetry';
import { parseConfig, type ServerConfig, usage } from './config-flags.js';

/** The server process: API, controllers, scheduler. Ends with 1 and one line when it cannot start. */
async function main(): Promise<void> {
  const config = readConfig();
  const logger = createLogger({ component: 'server', ...config.logging });
  const { startControlPlane } = await import('./control-plane.js');
  const traces = config.traceExport
    ? await startTraceExport({ ...config.traceExport, service: 'apiserver', instance: hostname() })
    : undefined;
  const tracer = traces?.tracer ?? (config.tracing ? openTelemetryTracer() : undefined);
  const plane = await startControlPlane({ ...config, logger, tracer });
  if (config.components.has('api')) logger.info('serving', { url: plane.url });
  await plane.bootstrapped;
  logger.info('ready');

  let stopping = false;
  const stop = async (code: number) => {
    if (stopping) return;
    stopping = true;
    await plane.close();
    await traces?.close();
    process.exit(code);
  };
  process.on('SIGTERM', () => void stop(0));
  process.on('SIGINT', () => void stop(0));
  const reason = await plane.ended;
  if (!stopping) logger.error('ending', { reason });
  await stop(1);
}

function readConfig(): ServerConfig {
  try {
    const config = parseConfig(process.argv.slice(2), process.env);
    if (config) return config;
    process.stdout.write(usage());
    process.exit(0);
  } catch (error) {
    if (error instanceof SettingError) fail(error.message);
    throw error;
  }
}

function fail(message: string): never {
  process.stderr.write(`error: ${message}\n`);
  process.exit(1);
}

function describe(error: unknown): string {
  const failure = error as NodeJS.ErrnoException & { port?: number; address?: string };
  const { code, message, port, address, syscall } = failure;
  if (code === 'EADDRINUSE') return `cannot listen on ${address}:${port}: the address is in use`;
  if (code === 'EACCES' && port !== undefined) return `cannot listen on ${address}:${port}: permission denied`;
  if (syscall === 'connect') return `cannot reach the database: ${message}`;
  if (code === 'EROFS' || code === 'EACCES' || code === 'ENOSPC') return message.split('\n')[0]!;
  return (message ?? String(error)).split('\n')[0]!;
}

main().catch((error: unknown) => fail(describe(error)));
