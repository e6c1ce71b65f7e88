import ast
import textwrap


def names(node):
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def binds(statement):
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return {(a.asname or a.name).split(".")[0] for a in statement.names}
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {statement.name}
    return {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def always(statement):
    return isinstance(statement, ast.ImportFrom) and (
        statement.module == "__future__" or statement.names[0].name == "*")


def load():
    wanted = ast.parse(textwrap.dedent(source))
    for node in wanted.body:
        node.decorator_list = []
    used, module, kept = names(wanted), ast.parse(imports).body, set()
    while True:
        more = {i for i, s in enumerate(module) if i not in kept and (always(s) or binds(s) & used)}
        if not more:
            break
        kept |= more
        for i in more:
            used |= names(module[i])
    wanted.body = [module[i] for i in sorted(kept)] + wanted.body
    scope = {"__name__": "__main__"}
    exec(compile(wanted, "<" + name + ">", "exec"), scope)
    return scope[name]


function = load()
