// The public API of each package, as its built types state it: api/<package>.api.md, committed, so that a change of it is seen in review.
// `node tools/api.ts` fails when a report is stale; `pnpm api` builds the packages and writes the reports.
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { publishedPackages, root } from './workspace.ts';

interface Entry {
  /** What a person writes in the import. */
  specifier: string;
  /** Its `.d.ts`. */
  types: string;
}

/** Markdown: for each entry point, its exports in alphabetical order, and after them what their signatures use without exporting it. */
export function report(title: string, dist: string, entries: readonly Entry[]): string {
  const program = ts.createProgram(
    entries.map((entry) => entry.types),
    {
      target: ts.ScriptTarget.ESNext,
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')],
    },
  );
  const checker = program.getTypeChecker();
  const printer = ts.createPrinter({ removeComments: true });
  const exports = entries.map(({ specifier, types }) => {
    const source = program.getSourceFile(types);
    const module = source && checker.getSymbolAtLocation(source);
    const symbols = module ? checker.getExportsOfModule(module) : [];
    return { specifier, exported: new Map(symbols.map((symbol) => [symbol.name, original(symbol, checker)])) };
  });
  const reachable = new Set(exports.flatMap(({ exported }) => [...exported.values()]));
  const sections = exports.map(({ specifier, exported }) => {
    const hidden = hiddenTypes(dist, exported.values(), reachable, checker);
    const code = [
      ...[...exported].sort(byName).map(([name, symbol]) => declarations(name, symbol, printer)),
      ...(hidden.length > 0 ? ['// Used above, not exported:'] : []),
      ...hidden.map((symbol) => declarations(symbol.name, symbol, printer)),
    ];
    return `## \`${specifier}\`\n\n\`\`\`ts\n${code.join('\n\n')}\n\`\`\`\n`;
  });
  return `# ${title}\n\nWritten by \`pnpm api\`; do not edit.\n\n${sections.join('\n')}`;
}

const byName = ([a]: [string, unknown], [b]: [string, unknown]) => (a < b ? -1 : 1);

const original = (symbol: ts.Symbol, checker: ts.TypeChecker) =>
  symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;

function declarations(name: string, symbol: ts.Symbol, printer: ts.Printer): string {
  const texts = (symbol.declarations ?? []).map((declaration) => {
    const node = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
    return printer
      .printNode(ts.EmitHint.Unspecified, node, node.getSourceFile())
      .replace(/^(export )?(default )?(declare )?/, '')
      .replace(/^( {4})+/gm, (indent) => '  '.repeat(indent.length / 4));
  });
  if (symbol.name !== name) texts.unshift(`// ${name} is:`);
  return texts.length > 0 ? texts.join('\n') : `// ${name}: from another package`;
}

/** Types of the same package that the signatures of these symbols name, and that nobody can import. */
function hiddenTypes(dist: string, from: Iterable<ts.Symbol>, reachable: ReadonlySet<ts.Symbol>, checker: ts.TypeChecker): ts.Symbol[] {
  const hidden = new Set<ts.Symbol>();
  const visit = (node: ts.Node): void => {
    if (ts.isTypeReferenceNode(node) || ts.isExpressionWithTypeArguments(node) || ts.isTypeQueryNode(node)) {
      const name = ts.isTypeReferenceNode(node) ? node.typeName : ts.isTypeQueryNode(node) ? node.exprName : node.expression;
      const symbol = checker.getSymbolAtLocation(name);
      if (symbol) follow(original(symbol, checker));
    }
    ts.forEachChild(node, visit);
  };
  const follow = (symbol: ts.Symbol): void => {
    const declaration = symbol.declarations?.[0];
    if (!declaration || reachable.has(symbol) || hidden.has(symbol) || symbol.flags & ts.SymbolFlags.TypeParameter) return;
    if (!declaration.getSourceFile().fileName.startsWith(dist)) return;
    hidden.add(symbol);
    for (const part of symbol.declarations ?? []) visit(part);
  };
  for (const declaration of [...from].flatMap((symbol) => symbol.declarations ?? [])) visit(declaration);
  return [...hidden].sort((a, b) => (a.name < b.name ? -1 : 1));
}

if (import.meta.main) {
  const write = process.argv.includes('--write');
  const folder = join(root, 'api');
  let stale = 0;
  const packages = publishedPackages();
  for (const { folder: home, short, manifest } of packages) {
    const entries = Object.entries(manifest.exports ?? {}).flatMap(([key, target]) =>
      typeof target === 'string' ? [] : [{ specifier: manifest.name + key.slice(1), types: join(home, target.types!) }],
    );
    const file = join(folder, `${short}.api.md`);
    const text = report(manifest.name, realpathSync(join(home, 'dist')), entries);
    if (existsSync(file) && readFileSync(file, 'utf8') === text) continue;
    if (write) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(file, text);
      console.log(`wrote api/${short}.api.md`);
    } else {
      stale++;
      console.error(`api/${short}.api.md is not what the package exports. Look at what changed, then: pnpm api`);
    }
  }
  console.log(`${packages.length - stale} passed, ${stale} failed, 0 skipped`);
  process.exitCode = stale === 0 ? 0 : 1;
}
