import { Uint } from '../values/value.js';
import { type Expr, type MapEntry, Operator, type StructField } from './ast.js';
import { build } from './build.js';
import { type Token, tokenize } from './lexer.js';
import { MacroError, type MacroTable, macroKey } from './macros.js';
import type { ErrorReport } from './source.js';
import { unescapeBytes, unescapeString } from './unescape.js';

/** Limits of cel-go: https://pkg.go.dev/github.com/google/cel-go/parser. */
const MAX_CODE_POINTS = 100_000;
const MAX_DEPTH = 250;

const RESERVED = new Set(
  (
    'as break const continue else false for function if import in let loop package namespace null return true var ' +
    'void while'
  ).split(' '),
);

const RELATIONS = new Map<string, string>([
  ['<', Operator.less],
  ['<=', Operator.lessEquals],
  ['>=', Operator.greaterEquals],
  ['>', Operator.greater],
  ['==', Operator.equals],
  ['!=', Operator.notEquals],
  ['in', Operator.in],
]);
const SUMS = new Map<string, string>([
  ['+', Operator.add],
  ['-', Operator.subtract],
]);
const PRODUCTS = new Map<string, string>([
  ['*', Operator.multiply],
  ['/', Operator.divide],
  ['%', Operator.modulo],
]);

/** What can begin an operand, as the messages list it. */
const OPERAND_TOKENS =
  "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";
/** The same, where an argument list may end at once. */
const ARGUMENT_TOKENS = OPERAND_TOKENS.replace("'(', ", "'(', ')', ");
const OPERAND_START = /^[[{(.\-!]$/;
const AFTER_OPERAND =
  "{<EOF>, '==', '!=', 'in', '<', '<=', '>=', '>', '&&', '||', '[', '.', '-', '?', '+', '*', '/', '%'}";

/** Ends the parse; what was wrong is already reported. */
class Abort extends Error {}

export interface Syntax {
  readonly macros: MacroTable;
  /** `a.?b`, `a[?b]`, `[?a]`, `{?a: b}` */
  readonly optionals: boolean;
}

/** Parses an expression, with macros expanded. Throws CelCompileError, through the report. */
export function parse(source: string, syntax: Syntax, errors: ErrorReport): Expr {
  // A text has at least half as many characters as UTF-16 units.
  const size = source.length > MAX_CODE_POINTS ? [...source].length : source.length;
  if (size > MAX_CODE_POINTS) {
    errors.add(`expression code point size exceeds limit: size: ${size}, limit ${MAX_CODE_POINTS}`);
    errors.throwIfAny();
  }
  const parser = new Parser(tokenize(source, errors), syntax, errors);
  const expr = parser.parse();
  errors.throwIfAny();
  return expr!;
}

class Parser {
  private next = 0;
  private nesting = 0;

  constructor(
    private readonly tokens: readonly Token[],
    private readonly syntax: Syntax,
    private readonly errors: ErrorReport,
  ) {}

  /** Undefined when the report says why. */
  parse(): Expr | undefined {
    try {
      const expr = this.expression();
      if (this.peek().kind !== 'end') this.trailing();
      return expr;
    } catch (error) {
      if (error instanceof Abort) return undefined;
      throw error;
    }
  }

  /** One token too many is reported as such; several are a mismatch. */
  private trailing(): never {
    if (this.tokens[this.next + 1]!.kind !== 'end') return this.unexpected(AFTER_OPERAND);
    return this.report(`extraneous input '${this.peek().text}' expecting <EOF>`);
  }

  private expression(): Expr {
    this.nesting++;
    if (this.nesting > MAX_DEPTH) this.tooDeep('expression recursion limit exceeded');
    const condition = this.or();
    const question = this.peek();
    let expr = condition;
    if (this.accept('?')) {
      const yes = this.or();
      this.expect(':');
      const no = this.expression();
      expr = this.call(question.at, Operator.conditional, [condition, yes, no]);
    }
    this.nesting--;
    return expr;
  }

  private or(): Expr {
    return this.logic('||', Operator.or, () => this.and());
  }

  private and(): Expr {
    return this.logic('&&', Operator.and, () => this.relation());
  }

  /** A chain becomes a balanced tree, as in cel-go: its depth, and the place of its errors, are those of that tree. */
  private logic(symbol: string, operator: string, operand: () => Expr): Expr {
    const terms = [operand()];
    const places: number[] = [];
    for (let token = this.peek(); this.accept(symbol); token = this.peek()) {
      places.push(token.at);
      terms.push(operand());
    }
    const balance = (low: number, high: number): Expr => {
      const middle = Math.floor((low + high + 1) / 2);
      const left = middle === low ? terms[middle]! : balance(low, middle - 1);
      const right = middle === high ? terms[middle + 1]! : balance(middle + 1, high);
      return build.call(places[middle]!, operator, [left, right]);
    };
    return places.length === 0 ? terms[0]! : balance(0, places.length - 1);
  }

  private relation(): Expr {
    return this.chain(RELATIONS, () => this.chain(SUMS, () => this.chain(PRODUCTS, () => this.unary())));
  }

  private chain(operators: ReadonlyMap<string, string>, operand: () => Expr): Expr {
    let left = operand();
    for (;;) {
      const token = this.peek();
      const operator = token.kind === 'punctuation' || token.kind === 'in' ? operators.get(token.text) : undefined;
      if (operator === undefined) return left;
      this.next++;
      left = this.bounded(this.call(token.at, operator, [left, operand()]));
    }
  }

  private unary(): Expr {
    const first = this.peek();
    if (first.text !== '!' && first.text !== '-') return this.member();
    if (first.kind !== 'punctuation') return this.member();
    // A minus directly before a number belongs to the number: the smallest int has no positive counterpart.
    if (first.text === '-' && this.isNumber(1)) return this.member();
    let count = 0;
    while (this.accept(first.text)) count++;
    const operand = this.member();
    if (count % 2 === 0) return operand;
    return this.call(first.at, first.text === '!' ? Operator.not : Operator.negate, [operand]);
  }

  private isNumber(ahead: number): boolean {
    const kind = this.tokens[this.next + ahead]?.kind;
    return kind === 'int' || kind === 'float';
  }

  private member(): Expr {
    let expr = this.primary();
    for (;;) {
      const token = this.peek();
      if (this.accept('.')) expr = this.bounded(this.afterDot(token.at, expr));
      else if (this.accept('[')) expr = this.bounded(this.index(token.at, expr));
      else return expr;
    }
  }

  private afterDot(at: number, operand: Expr): Expr {
    const optional = this.acceptOptional(at, '.?');
    const token = this.peek();
    if (token.kind === 'escaped') {
      this.next++;
      return this.selection(at, operand, token.at, token.text.slice(1, -1), optional);
    }
    if (token.kind !== 'identifier') {
      return this.report(`no viable alternative at input '.${token.kind === 'end' ? '' : token.text}'`);
    }
    this.next++;
    const open = this.peek();
    if (!optional && this.accept('(')) return this.call(open.at, token.text, this.args(')'), operand);
    return this.selection(at, operand, token.at, token.text, optional);
  }

  private selection(at: number, operand: Expr, nameAt: number, field: string, optional: boolean): Expr {
    if (!optional) return build.select(at, operand, field);
    return build.call(at, Operator.optSelect, [operand, build.literal(nameAt, field)]);
  }

  private index(at: number, operand: Expr): Expr {
    const optional = this.acceptOptional(at, '[?');
    const index = this.expression();
    this.expect(']');
    return this.call(at, optional ? Operator.optIndex : Operator.index, [operand, index]);
  }

  private primary(): Expr {
    const token = this.peek();
    switch (token.kind) {
      case 'punctuation':
        return this.punctuated(token);
      case 'identifier':
        return this.named(token, '');
      case 'end':
      case 'in':
      case 'escaped':
        return this.noOperand();
      default:
        this.next++;
        return this.literal(token, '');
    }
  }

  private punctuated(token: Token): Expr {
    this.next++;
    switch (token.text) {
      case '(': {
        const expr = this.expression();
        this.expect(')');
        return expr;
      }
      case '[':
        return this.list(token.at);
      case '{':
        return build.map(token.at, this.entries());
      case '.':
        if (this.peek().kind === 'identifier') return this.named(this.peek(), '.');
        return this.unexpected('IDENTIFIER');
      case '-':
        if (this.isNumber(0)) return this.literal(this.tokens[this.next++]!, '-', token.at);
    }
    this.next--;
    return this.noOperand();
  }

  /** A token that could be left out is reported, and left out. */
  private noOperand(): Expr {
    const following = this.tokens[this.next + 1];
    if (following === undefined || !canBeginOperand(following)) return this.unexpected(OPERAND_TOKENS);
    const token = this.tokens[this.next++]!;
    this.errors.add(`Syntax error: extraneous input '${token.text}' expecting ${OPERAND_TOKENS}`, token.at);
    return this.primary();
  }

  /** A variable, a call, or an object: `a`, `.a`, `f(x)`, `a.B{c: d}`. */
  private named(token: Token, dot: string): Expr {
    const object = this.objectName();
    if (object !== undefined) {
      const open = this.tokens[this.next++]!;
      return build.struct(open.at, dot + object, this.fields());
    }
    this.next++;
    const open = this.peek();
    const isCall = this.accept('(');
    if (RESERVED.has(token.text)) {
      this.errors.add(`reserved identifier: ${token.text}`, token.at);
      throw new Abort();
    }
    if (isCall) return this.call(open.at, dot + token.text, this.args(')'));
    return build.ident(token.at, dot + token.text);
  }

  /** Consumes `a.b.C` when a brace follows it. */
  private objectName(): string | undefined {
    let at = this.next;
    let name = this.tokens[at]!.text;
    while (this.tokens[at + 1]?.text === '.' && this.tokens[at + 2]?.kind === 'identifier') {
      at += 2;
      name += `.${this.tokens[at]!.text}`;
    }
    const brace = this.tokens[at + 1];
    if (brace?.kind !== 'punctuation' || brace.text !== '{') return undefined;
    this.next = at + 1;
    return name;
  }

  private list(at: number): Expr {
    const elements: Expr[] = [];
    const optionals = new Set<number>();
    this.items(']', () => {
      const optional = this.acceptOptional(this.peek().at, '?');
      if (optional) optionals.add(elements.length);
      elements.push(this.expression());
    });
    return build.list(at, elements, optionals);
  }

  private entries(): MapEntry[] {
    const entries: MapEntry[] = [];
    this.items('}', () => {
      const optional = this.acceptOptional(this.peek().at, '?');
      const key = this.expression();
      const colon = this.expect(':');
      entries.push({ at: colon.at, key, value: this.expression(), optional });
    });
    return entries;
  }

  private fields(): StructField[] {
    const fields: StructField[] = [];
    this.items('}', () => {
      const optional = this.acceptOptional(this.peek().at, '?');
      const name = this.peek();
      if (name.kind !== 'identifier' && name.kind !== 'escaped') this.unexpected('{IDENTIFIER, ESC_IDENTIFIER}');
      this.next++;
      const colon = this.expect(':');
      const text = name.kind === 'escaped' ? name.text.slice(1, -1) : name.text;
      fields.push({ at: colon.at, name: text, value: this.expression(), optional });
    });
    return fields;
  }

  /** Items up to a bracket, with a comma between them and perhaps one behind. */
  private items(close: string, item: () => void): void {
    while (!this.accept(close)) {
      item();
      if (this.accept(',')) continue;
      if (!this.accept(close)) this.unexpected(`{'${close}', ','}`);
      return;
    }
  }

  private args(close: string): Expr[] {
    const args: Expr[] = [];
    if (this.accept(close)) return args;
    if (this.peek().kind === 'end') return this.unexpected(ARGUMENT_TOKENS);
    do args.push(this.expression());
    while (this.accept(','));
    this.expect(close);
    return args;
  }

  private literal(token: Token, sign: string, at: number = token.at): Expr {
    switch (token.kind) {
      case 'int':
        return this.integer(at, token.text, sign);
      case 'uint':
        return this.unsigned(at, token.text.slice(0, -1));
      case 'float':
        return this.double(at, sign + token.text);
      case 'string':
      case 'bytes':
        return this.quoted(token);
      case 'null':
        return build.literal(at, null);
      default:
        return build.literal(at, token.kind === 'true');
    }
  }

  private integer(at: number, digits: string, sign: string): Expr {
    const value = sign === '-' ? -BigInt(digits) : BigInt(digits);
    if (BigInt.asIntN(64, value) !== value) return this.invalid('invalid int literal', at);
    return build.literal(at, value);
  }

  private unsigned(at: number, digits: string): Expr {
    const value = BigInt(digits);
    if (BigInt.asUintN(64, value) !== value) return this.invalid('invalid uint literal', at);
    return build.literal(at, new Uint(value));
  }

  private double(at: number, text: string): Expr {
    const value = Number(text);
    if (!Number.isFinite(value)) return this.invalid('invalid double literal', at);
    return build.literal(at, value);
  }

  private quoted(token: Token): Expr {
    try {
      const value = token.kind === 'bytes' ? unescapeBytes(token.text) : unescapeString(token.text);
      return build.literal(token.at, value);
    } catch (error) {
      return this.invalid((error as Error).message, token.at);
    }
  }

  /** A call, or what the macro of that name makes of it. */
  private call(at: number, name: string, args: readonly Expr[], target?: Expr): Expr {
    try {
      if (target === undefined && name === 'has' && args.length === 1) return this.bounded(presenceTest(at, args[0]!));
      const expand = target && this.syntax.macros.get(macroKey(name, args.length));
      return this.bounded(expand?.(at, target!, args) ?? build.call(at, name, args, target));
    } catch (error) {
      if (error instanceof MacroError) return this.invalid(error.message, error.at);
      throw error;
    }
  }

  /** The expression, unless it is so deep that a later pass could run out of stack. */
  private bounded(expr: Expr): Expr {
    if (expr.depth > MAX_DEPTH) this.tooDeep('max recursion depth exceeded');
    return expr;
  }

  private tooDeep(message: string): never {
    this.errors.add(message.startsWith('expression') ? `${message}: ${MAX_DEPTH}` : message);
    throw new Abort();
  }

  /** Reports what is wrong with one operand. The others are still read, so that all such errors are known at once. */
  private invalid(message: string, at: number): Expr {
    this.errors.add(message, at);
    return build.literal(at, null);
  }

  private acceptOptional(at: number, symbol: string): boolean {
    if (!this.accept('?')) return false;
    if (!this.syntax.optionals) {
      this.errors.add(`unsupported syntax '${symbol}'`, at);
      throw new Abort();
    }
    return true;
  }

  private peek(): Token {
    return this.tokens[this.next]!;
  }

  private accept(text: string): boolean {
    const token = this.peek();
    if (token.kind !== 'punctuation' || token.text !== text) return false;
    this.next++;
    return true;
  }

  private expect(text: string): Token {
    const token = this.peek();
    if (this.accept(text)) return token;
    if (token.kind === 'end' && text === ')') this.report(`missing ')' at '<EOF>'`);
    return this.unexpected(`'${text}'`);
  }

  private unexpected(expected: string): never {
    return this.report(`mismatched input '${this.peek().text}' expecting ${expected}`);
  }

  private report(message: string): never {
    this.errors.add(`Syntax error: ${message}`, this.peek().at);
    throw new Abort();
  }
}

function canBeginOperand({ kind, text }: Token): boolean {
  return kind === 'punctuation' ? OPERAND_START.test(text) : !['end', 'in', 'escaped'].includes(kind);
}

function presenceTest(at: number, of: Expr): Expr {
  if (of.kind !== 'select') throw new MacroError('invalid argument to has() macro', of.at);
  return build.select(at, of.operand, of.field, true);
}
