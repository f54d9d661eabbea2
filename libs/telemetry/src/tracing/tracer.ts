export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;
/** Of an HTTP request, by their names in lower case. */
export type Headers = Record<string, string | string[] | undefined>;

/** Says how long a piece of work took, within which other, and what it failed with. */
export interface Tracer {
  /**
   * Does the work within a span; spans of what it calls are its children. Gives or throws what the work does.
   * @param trusted - false: a span of another process that it continues becomes a link, and decides nothing about sampling.
   */
  span<T>(name: string, attributes: SpanAttributes, work: () => Promise<T>, trusted?: boolean): Promise<T>;
  /** Does work that continues a span of another process, if the request's headers (W3C `traceparent`) name one. */
  continued<T>(headers: Headers, work: () => T): T;
  /** Adds the headers by which another process continues the span that this is called in. */
  inject(headers: Headers): void;
}

/** Tracing is off: the work alone. */
export const noTracer: Tracer = {
  span: (_name, _attributes, work) => work(),
  continued: (_headers, work) => work(),
  inject: () => {},
};
