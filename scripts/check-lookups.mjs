// Checks that no text of a client is looked up in an object that has a prototype: `constructor`, `toString` or `__proto__`
// would be found in it without being there, or be lost when written. Reports, outside of tests,
//
//   key in object              unless the key is a literal: `Object.hasOwn` asks for own members
//   object[key]                (or a pattern with a computed name) where the key's type is string: `ownValue`, a Map, or a type that names the keys
//   object[key] = value        likewise: `setOwn`, a Map, or an object without prototype
//   Object.assign({}, parts)   with `__proto__` of its own in a part it sets the prototype: spread does not
//
// and finds for itself what cannot go wrong: keys that are literals or end up as some in their type, that come from the
// object's own members or from a list of literals, that begin with text no member of every object begins with; arrays;
// reads after `Object.hasOwn(object, key)`; objects of a type below. What is left is right for a reason that a comment says,
// on the line or above it: `// own-lookup: <why>`.
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { root } from './prepare.mjs';

/** Its lines say what has to be found in them: a check that finds nothing anywhere is no check. */
const FIXTURE = 'scripts/check-lookups.fixture.ts';

const ts = createRequire(import.meta.url)('typescript');
const { SyntaxKind, TypeFlags } = ts;

/** Types whose objects are made without a prototype, or whose keys all have a form that no member's name has. */
const SAFE_TYPES = new Map([
  ['FieldSet', 'members begin with f:, k:, v: or i:, or are a dot; updateManagedFields takes no others from clients'],
  ['Bare', 'made by bare(), without a prototype'],
  ['ProcessEnv', 'process.env finds own members alone'],
]);
const FEWEST_FILES = 400;
const MARK = /\/\/ own-lookup: \S/;
const INHERITED = Object.getOwnPropertyNames(Object.prototype);

const config = ts.getParsedCommandLineOfConfigFile(
  join(root, 'tsconfig.json'),
  {},
  {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: (problem) => {
      throw new Error(ts.flattenDiagnosticMessageText(problem.messageText, '\n'));
    },
  },
);
const program = ts.createProgram([...config.fileNames, join(root, FIXTURE)], config.options);
const checker = program.getTypeChecker();
const findings = [];
const foundInFixture = new Set();
let files = 0;

for (const file of program.getSourceFiles()) {
  const path = relative(root, file.fileName);
  if (!isChecked(path)) continue;
  files += 1;
  const lines = file.text.split('\n');
  const report = (node, what) => {
    const line = file.getLineAndCharacterOfPosition(node.getStart()).line;
    if (MARK.test(lines[line]) || MARK.test(lines[line - 1] ?? '')) return;
    if (path === FIXTURE) foundInFixture.add(line);
    else findings.push(`${path}:${line + 1}: ${what}: ${node.getText().replace(/\s+/g, ' ').slice(0, 80)}`);
  };
  const visit = (node) => {
    if (ts.isBinaryExpression(node) && node.operatorToken.kind === SyntaxKind.InKeyword) {
      if (!isLiteral(node.left) && !ts.isPrivateIdentifier(node.left)) report(node, 'in');
    } else if (ts.isElementAccessExpression(node)) {
      if (!isSafeAccess(node)) report(node, isWritten(node) ? 'written' : 'read');
    } else if (ts.isBindingElement(node) && node.propertyName && ts.isComputedPropertyName(node.propertyName)) {
      if (mayBeAnyString(checker.getTypeAtLocation(node.propertyName.expression))) report(node, 'read');
    } else if (ts.isCallExpression(node) && node.expression.getText() === 'Object.assign') {
      if (node.arguments.slice(1).some(hasAnyKey)) report(node, 'assigned');
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  if (path !== FIXTURE) continue;
  const wrong = lines.flatMap((text, line) =>
    / \/\/ found$/.test(text) === foundInFixture.has(line) ? [] : [line + 1],
  );
  if (wrong.length > 0) findings.push(`${FIXTURE}: not judged as they say: lines ${wrong.join(', ')}`);
}

function isChecked(path) {
  if (path === FIXTURE) return true;
  return /^(apps|libs)\/.*\.ts$/.test(path) && !/\.d\.ts$|spec\.ts$|\/testing\/|\.fixture\.ts$/.test(path);
}

/** Whether what is assigned from may have a member of any name. */
function hasAnyKey(part) {
  if (ts.isSpreadElement(part)) return true;
  if (!ts.isObjectLiteralExpression(part)) {
    const type = checker.getTypeAtLocation(part);
    return Boolean(type.flags & TypeFlags.Any) || checker.getIndexInfosOfType(type).length > 0;
  }
  return part.properties.some((property) => {
    if (ts.isSpreadAssignment(property)) return true;
    const { name } = property;
    return ts.isComputedPropertyName(name) && mayBeAnyString(checker.getTypeAtLocation(name.expression));
  });
}

function isLiteral(node) {
  return ts.isStringLiteralLike(node) || ts.isNumericLiteral(node);
}

function isWritten(node) {
  const { parent } = node;
  return ts.isBinaryExpression(parent) && parent.left === node && ts.isAssignmentOperator(parent.operatorToken.kind);
}

function isSafeAccess(node) {
  const object = node.expression;
  const key = node.argumentExpression;
  if (isLiteral(key)) return true;
  if (!mayBeAnyString(checker.getTypeAtLocation(key))) return true;
  if (ts.isDeleteExpression(node.parent)) return true;
  if (isSafeObject(checker.getTypeAtLocation(object))) return true;
  return isSafeKey(key, object) || isGuarded(node, object, key);
}

function mayBeAnyString(type) {
  if (type.isUnion()) return type.types.some(mayBeAnyString);
  if (type.flags & TypeFlags.TemplateLiteral) return !isForeignPrefix(type.texts[0]);
  if (type.flags & (TypeFlags.TypeParameter | TypeFlags.IndexedAccess | TypeFlags.Conditional)) {
    return mayBeAnyString(checker.getBaseConstraintOfType(type) ?? type);
  }
  return Boolean(type.flags & (TypeFlags.String | TypeFlags.Any | TypeFlags.Unknown | TypeFlags.StringMapping));
}

function isForeignPrefix(text) {
  return text !== '' && !INHERITED.some((name) => name.startsWith(text));
}

function isSafeObject(type) {
  if (type.isUnion()) {
    return type.types.filter((item) => !(item.flags & (TypeFlags.Undefined | TypeFlags.Null))).every(isSafeObject);
  }
  if (checker.isArrayType(type) || checker.isTupleType(type) || type.flags & TypeFlags.StringLike) return true;
  return [type.aliasSymbol, type.symbol].some((symbol) => symbol && SAFE_TYPES.has(symbol.name));
}

/** Where a key comes from: a list of literals, the object's own members, or text with a beginning of its own. */
function isSafeKey(key, object) {
  if (ts.isTemplateExpression(key)) return isForeignPrefix(key.head.text);
  if (ts.isNonNullExpression(key) || ts.isParenthesizedExpression(key) || ts.isAsExpression(key)) {
    return isSafeKey(key.expression, object);
  }
  if (!ts.isIdentifier(key)) return false;
  const declaration = checker.getSymbolAtLocation(key)?.valueDeclaration;
  const source = declaration && sourceOf(declaration);
  if (!source) return false;
  return isLiteralList(source) || ownMembersOf(source, declaration) === plainText(object);
}

/** What a loop's variable, or the parameter of a function given to `map` and the like, goes through. */
function sourceOf(declaration) {
  let node = declaration;
  while (ts.isBindingElement(node) || ts.isArrayBindingPattern(node)) {
    if (ts.isBindingElement(node) && node.parent.elements[0] !== node) return undefined;
    node = node.parent;
  }
  if (ts.isVariableDeclaration(node)) {
    const loop = node.parent.parent;
    if (ts.isForOfStatement(loop) || ts.isForInStatement(loop)) return loop.expression;
    return undefined;
  }
  if (!ts.isParameter(node) || node.parent.parameters[0] !== node) return undefined;
  const call = node.parent.parent;
  if (!ts.isCallExpression(call) || !ts.isPropertyAccessExpression(call.expression)) return undefined;
  const goesThrough = ['map', 'filter', 'every', 'some', 'forEach', 'flatMap', 'find', 'findIndex'];
  return goesThrough.includes(call.expression.name.text) ? call.expression.expression : undefined;
}

function isLiteralList(node) {
  if (ts.isAsExpression(node) || ts.isParenthesizedExpression(node)) return isLiteralList(node.expression);
  if (ts.isArrayLiteralExpression(node)) {
    return node.elements.every((item) => (ts.isSpreadElement(item) ? isLiteralList(item.expression) : isLiteral(item)));
  }
  if (ts.isNewExpression(node) && /^(Set|Map)$/.test(node.expression.getText())) {
    return node.arguments?.length === 1 && isLiteralList(node.arguments[0]);
  }
  if (!ts.isIdentifier(node)) return false;
  let symbol = checker.getSymbolAtLocation(node);
  if (symbol && symbol.flags & ts.SymbolFlags.Alias) symbol = checker.getAliasedSymbol(symbol);
  const declaration = symbol?.valueDeclaration;
  const constant =
    declaration && ts.isVariableDeclaration(declaration) && declaration.parent.flags & ts.NodeFlags.Const;
  return Boolean(constant && declaration.initializer && isLiteralList(declaration.initializer));
}

/** An expression without what changes its type alone, and without `?? {}`. */
function plainText(node) {
  if (ts.isParenthesizedExpression(node) || ts.isAsExpression(node) || ts.isNonNullExpression(node)) {
    return plainText(node.expression);
  }
  const isDefaulted = ts.isBinaryExpression(node) && node.operatorToken.kind === SyntaxKind.QuestionQuestionToken;
  return isDefaulted ? plainText(node.left) : node.getText();
}

/** The text of the object whose own members are gone through. */
function ownMembersOf(source, declaration) {
  const loop = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : undefined;
  if (loop && ts.isForInStatement(loop)) return plainText(source);
  let node = source;
  while (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
    const { expression, name } = node.expression;
    if (expression.getText() === 'Object' && /^(keys|entries)$/.test(name.text))
      return node.arguments[0] && plainText(node.arguments[0]);
    if (!/^(filter|sort|toSorted|reverse|toReversed|slice)$/.test(name.text)) return undefined;
    node = expression;
  }
  return undefined;
}

/** Inside of what happens only when `Object.hasOwn(object, key)`. */
function isGuarded(node, object, key) {
  const asked = new RegExp(
    `(Object\\.hasOwn|hasOwn\\.call)\\(\\s*${literally(plainText(object))}!?,\\s*${literally(key.getText())}\\s*\\)`,
  );
  for (let at = node; at.parent && !ts.isFunctionLike(at); at = at.parent) {
    const { parent } = at;
    if (ts.isConditionalExpression(parent) && parent.whenTrue === at && asked.test(parent.condition.getText()))
      return true;
    if (ts.isIfStatement(parent) && parent.thenStatement === at && asked.test(parent.expression.getText())) return true;
    const and = ts.isBinaryExpression(parent) && parent.operatorToken.kind === SyntaxKind.AmpersandAmpersandToken;
    if (and && parent.right === at && asked.test(parent.left.getText())) return true;
  }
  return false;
}

function literally(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

for (const finding of findings) console.error(finding);
if (files < FEWEST_FILES || foundInFixture.size === 0) {
  console.error(`check-lookups: saw ${files} files: it does not read the code`);
  process.exit(1);
}
console.log(`${files} files, ${findings.length} lookups to look at`);
process.exit(findings.length > 0 ? 1 : 0);
