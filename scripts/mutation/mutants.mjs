/**
 * Mutants of a TypeScript file: small changes of its code that a test should notice. Each is a place in the text and what stands there instead; what is
 * only type, comment, text for people or log is left alone.
 */
import { createHash } from 'node:crypto';
import ts from 'typescript';

const K = ts.SyntaxKind;

const boundaries = new Map([[K.LessThanToken, '<='], [K.LessThanEqualsToken, '<'], [K.GreaterThanToken, '>='], [K.GreaterThanEqualsToken, '>']]);
const equalities = new Map([[K.EqualsEqualsEqualsToken, '!=='], [K.ExclamationEqualsEqualsToken, '===']]);
const logical = new Map([[K.AmpersandAmpersandToken, '||'], [K.BarBarToken, '&&']]);
const arithmetic = new Map([
  [K.PlusToken, '-'], [K.MinusToken, '+'], [K.AsteriskToken, '/'], [K.SlashToken, '*'], [K.PercentToken, '*'], [K.LessThanLessThanToken, '>>'], [K.GreaterThanGreaterThanToken, '<<'],
  [K.GreaterThanGreaterThanGreaterThanToken, '<<'], [K.AmpersandToken, '|'], [K.BarToken, '&'], [K.CaretToken, '&'], [K.PlusEqualsToken, '-='], [K.MinusEqualsToken, '+='],
]);

const isText = (node) => ts.isStringLiteralLike(node) || ts.isTemplateExpression(node) || (ts.isBinaryExpression(node) && node.operatorToken.kind === K.PlusToken && (isText(node.left) || isText(node.right)));
const isLog = (node) => ts.isCallExpression(node) && /(^|\.)log\??\.(debug|info|warn|error)$/.test(node.expression.getText());
/** Constructors' arguments are texts for people as often as not, and so are those of `holds` and the like. */
const isTalk = (node) => isLog(node) || ts.isNewExpression(node) || ts.isThrowStatement(node) || throwsOf(node);
/** A call of one of the file's functions that never return: it throws what it is told. */
const throwsOf = (node) => ts.isCallExpression(node) && node.getSourceFile().statements.some((one) => ts.isFunctionDeclaration(one) && one.type?.kind === K.NeverKeyword && one.name?.text === node.expression.getText());

/** The mutants of one node; places are those of the node unless said. */
function of(node, put) {
  if (ts.isIfStatement(node) || ts.isConditionalExpression(node)) {
    const condition = ts.isIfStatement(node) ? node.expression : node.condition;
    put('condition', condition, 'true');
    put('condition', condition, 'false');
  } else if (ts.isWhileStatement(node)) put('condition', node.expression, 'false');
  else if (ts.isForStatement(node) && node.condition !== undefined) put('condition', node.condition, 'false');
  else if (ts.isBinaryExpression(node)) {
    const { kind } = node.operatorToken;
    if (boundaries.has(kind)) put('boundary', node.operatorToken, boundaries.get(kind));
    else if (equalities.has(kind)) put('equality', node.operatorToken, equalities.get(kind));
    else if (logical.has(kind)) put('logic', node.operatorToken, logical.get(kind));
    else if (kind === K.QuestionQuestionToken) put('logic', node, `(${node.left.getText()})`);
    else if (arithmetic.has(kind) && !isText(node) && !isText(node.right)) put('arithmetic', node.operatorToken, arithmetic.get(kind));
  } else if (ts.isPrefixUnaryExpression(node) && node.operator === K.ExclamationToken) put('logic', node, `(${node.operand.getText()})`);
  else if ((ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) && (node.operator === K.PlusPlusToken || node.operator === K.MinusMinusToken)) {
    const other = node.operator === K.PlusPlusToken ? '--' : '++';
    put('arithmetic', node, ts.isPrefixUnaryExpression(node) ? `${other}${node.operand.getText()}` : `${node.operand.getText()}${other}`);
  } else if (ts.isNumericLiteral(node)) put('constant', node, `(${node.getText()} + 1)`);
  else if (ts.isBigIntLiteral(node)) put('constant', node, `(${node.getText()} + 1n)`);
  else if (node.kind === K.TrueKeyword) put('constant', node, 'false');
  else if (node.kind === K.FalseKeyword) put('constant', node, 'true');
  else if (ts.isStringLiteral(node)) put('constant', node, node.text === '' ? "'#'" : "''");
  else if (ts.isPropertyAccessExpression(node) && node.expression.getText() === 'Math' && (node.name.text === 'min' || node.name.text === 'max')) put('call', node.name, node.name.text === 'min' ? 'max' : 'min');
  else if (ts.isExpressionStatement(node)) {
    const inner = ts.isVoidExpression(node.expression) || ts.isAwaitExpression(node.expression) ? node.expression.expression : node.expression;
    if (!isLog(inner) && !(ts.isCallExpression(inner) && inner.expression.kind === K.SuperKeyword)) put('removed', node, ';');
  } else if (ts.isThrowStatement(node) || ts.isContinueStatement(node) || (ts.isBreakStatement(node) && !ts.isCaseOrDefaultClause(node.parent)) || (ts.isReturnStatement(node) && node.expression === undefined)) put('removed', node, ';');
  else if (ts.isReturnStatement(node) && node.expression !== undefined) returned(node.expression, put);
  else if (ts.isArrowFunction(node) && !ts.isBlock(node.body)) returned(node.body, put);
}

function returned(value, put) {
  const bare = ts.isParenthesizedExpression(value) ? value.expression : value;
  // Literals and conditions have mutants of their own.
  if (ts.isLiteralExpression(bare) || ts.isBinaryExpression(bare) || ts.isConditionalExpression(bare) || [K.TrueKeyword, K.FalseKeyword, K.NullKeyword].includes(bare.kind)) return;
  if (ts.isPrefixUnaryExpression(bare) || (ts.isIdentifier(bare) && bare.text === 'undefined') || ts.isVoidExpression(bare)) return;
  put('returned', value, 'undefined');
}

/** Types, imports, and what is only said to people have none. */
function skipped(node, parent) {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node) || ts.isTypeNode(node)) return true;
  if (isLog(node)) return true;
  if (ts.isPropertyAssignment(parent) && parent.name === node) return true;
  // A text in a table is data, not a decision; what is compared, returned or handed over is one.
  if (ts.isStringLiteral(node) && (ts.isPropertyAssignment(parent) || ts.isArrayLiteralExpression(parent) || ts.isCaseClause(parent) || ts.isElementAccessExpression(parent) || ts.isAsExpression(parent) || isTalk(parent))) return true;
  if (ts.isStringLiteral(node) && ts.isConditionalExpression(parent) && isTalk(parent.parent)) return true;
  return false;
}

/** All mutants of a file, in its order: `{ id, file, line, column, start, end, kind, was, put, code }`. An id stays when other lines of the file change. */
export function mutantsOf(file, text) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
  const mutants = [];
  const seen = new Map();
  const put = (kind, node, instead) => {
    const [start, end] = [node.getStart(source), node.getEnd()];
    const was = text.slice(start, end);
    if (was === instead) return;
    const { line, character } = source.getLineAndCharacterOfPosition(start);
    const code = text.split('\n')[line].trim();
    const key = JSON.stringify([file, code, kind, was, instead]);
    const nth = seen.get(key) ?? 0;
    seen.set(key, nth + 1);
    const id = createHash('sha256').update(key).update(String(nth)).digest('hex').slice(0, 12);
    mutants.push({ id, file, line: line + 1, column: character + 1, start, end, kind, was, put: instead, code });
  };
  const visit = (node, parent) => {
    if (skipped(node, parent)) return;
    of(node, put);
    ts.forEachChild(node, (child) => visit(child, node));
  };
  ts.forEachChild(source, (child) => visit(child, source));
  return mutants.sort((a, b) => a.start - b.start || a.end - b.end);
}

/** The JavaScript of a file with one mutant in it, or without. */
export function compiled(file, text, mutant) {
  const changed = mutant === undefined ? text : text.slice(0, mutant.start) + mutant.put + text.slice(mutant.end);
  return ts.transpileModule(changed, { fileName: file, compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true } }).outputText;
}
