//! The way of one GraphQL operation: scan, parse, measure, price, charge, run, give back.

use std::panic::AssertUnwindSafe;

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, OperationType,
};
use async_graphql::parser::{Error as ParseError, parse_query};
use async_graphql::{Request, Value};
use futures_util::FutureExt;

use super::answer::{Answer, Cost};
use super::code::Code;
use super::engine::{Caller, Charged, RequestId};
use super::errors::{Outcome, sort};
use super::problem::Problem;
use super::state::ApiState;
use crate::guard::actual::actual;
use crate::guard::cost::{Priced, requested};
use crate::guard::json::Operation;
use crate::guard::limits::{Limits, Refusal};
use crate::guard::rate::Charge;
use crate::guard::scan::scan;
use crate::guard::shape::measure;

/// How a request came and what it asks besides its operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mode {
    /// GET: only queries run.
    pub(super) safe: bool,
    /// `X-Cost-Only`: nothing runs, the cost is told.
    pub(super) cost_only: bool,
}

/// Answers one operation of a known caller. Every answer knows the bucket's level.
pub(super) async fn run(
    state: &ApiState,
    caller: &Caller,
    request_id: &str,
    operation: Result<Operation, Problem>,
    mode: Mode,
) -> Answer {
    let buckets = &state.config().buckets;
    let (key, class) = (caller.key, caller.class);
    let plan = operation.and_then(|operation| plan(state, caller, operation, mode));
    let units = match &plan {
        Ok(plan) if !mode.cost_only => plan.cost,
        // Looking at it costs something too: refusals must not be free to repeat.
        Ok(_) | Err(_) => 1,
    };
    let level = match buckets.charge(key, class, units).await {
        Charge::Taken(level) => level,
        Charge::Refused { level, wait } => {
            let cost = plan.ok().map(|plan| Cost {
                requested: plan.cost,
                actual: 0,
                level,
            });
            return Answer::problem(Problem::rate_limited(wait)).with(level, class, cost);
        }
    };
    let plan = match plan {
        Ok(plan) => plan,
        Err(problem) => return Answer::problem(problem).with(level, class, None),
    };
    if mode.cost_only {
        let cost = Cost {
            requested: plan.cost,
            actual: 0,
            level,
        };
        return Answer::cost_only().with(level, class, Some(cost));
    }
    let asked = plan.cost;
    let charged = Charged { cost: asked, level };
    let (answer, spent) = execute(state, (caller, charged), request_id, plan).await;
    let unused = asked.saturating_sub(spent);
    buckets.give_back(key, class, unused).await;
    let level = level.after_return(unused);
    answer.with(
        level,
        class,
        Some(Cost {
            requested: asked,
            actual: spent,
            level,
        }),
    )
}

/// An operation that may run.
struct Plan {
    operation: Operation,
    document: ExecutableDocument,
    cost: u32,
}

fn plan(
    state: &ApiState,
    caller: &Caller,
    operation: Operation,
    mode: Mode,
) -> Result<Plan, Problem> {
    let config = state.config();
    let limits = &config.limits;
    scan(operation.query.as_bytes(), limits)?;
    let document = parse_query(&operation.query).map_err(|error| syntax(&error))?;
    let shape = measure(&document, limits)?;
    if shape.introspects() && !state.may_introspect(caller) {
        let message = "Introspection is not open to this key: it needs the scope `schema:read`.";
        return Err(Problem::new(Code::Forbidden, message));
    }
    let definition = choose(&document, operation.name.as_deref())?;
    match definition.ty {
        OperationType::Mutation if mode.safe => {
            let problem = Problem::method("POST");
            return Err(Problem {
                message: "Send mutations by POST.".to_owned(),
                ..problem
            });
        }
        OperationType::Query | OperationType::Mutation => {}
        OperationType::Subscription => {
            return Err(Problem::from(Refusal::invalid(
                "Subscriptions are not served here.",
            )));
        }
    }
    check_variables(definition, &operation)?;
    let priced = Priced {
        table: &config.costs,
        document: &document,
        operation: definition,
        variables: &operation.variables,
    };
    let cost = price(&priced, caller, limits)?;
    Ok(Plan {
        operation,
        document,
        cost,
    })
}

/// Refuses a missing value here: the executor would find it only while it runs, and answer with
/// an error of a field (GraphQL section 6.1.2 wants one of the request).
fn check_variables(definition: &OperationDefinition, operation: &Operation) -> Result<(), Problem> {
    for variable in &definition.variable_definitions {
        let (name, place) = (&variable.node.name.node, variable.pos);
        let variable = &variable.node;
        if variable.var_type.node.nullable {
            continue;
        }
        let missing = match operation.variables.get(name) {
            Some(value) => *value == Value::Null,
            None => variable.default_value.is_none(),
        };
        if missing {
            let message = format!("Variable \"${name}\" needs a value.");
            return Err(Problem::from(Refusal::invalid(message).at(place)));
        }
    }
    Ok(())
}

fn price(priced: &Priced, caller: &Caller, limits: &Limits) -> Result<u32, Problem> {
    let tally = requested(priced, caller.class, limits)?;
    // The class's maximum is far below.
    Ok(u32::try_from(tally.cost).unwrap_or(u32::MAX))
}

/// The operation to run, by name or because it is the only one.
fn choose<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Result<&'a OperationDefinition, Problem> {
    let found = match (&document.operations, name) {
        (DocumentOperations::Single(only), None) => Some(&only.node),
        (DocumentOperations::Multiple(many), None) if many.len() == 1 => {
            many.values().next().map(|only| &only.node)
        }
        (DocumentOperations::Multiple(many), Some(name)) => many.get(name).map(|one| &one.node),
        (DocumentOperations::Single(_), Some(_)) | (DocumentOperations::Multiple(_), None) => None,
    };
    found.ok_or_else(|| {
        let message = "`operationName` must name one of the document's operations.";
        Problem::from(Refusal::invalid(message))
    })
}

/// A syntax error in one line, without the parser's drawing of the source.
fn syntax(error: &ParseError) -> Problem {
    let drawn = error.to_string();
    let expected = drawn
        .lines()
        .find_map(|line| line.trim_start().strip_prefix("= "));
    let message = match (expected, error) {
        (Some(expected), _) => format!("Syntax error: {expected}."),
        (None, ParseError::Syntax { .. }) => "Syntax error.".to_owned(),
        (None, _) => format!("{drawn}."),
    };
    let refusal = Refusal::invalid(message);
    let place = error.positions().next();
    Problem::from(place.into_iter().fold(refusal, Refusal::at))
}

async fn execute(
    state: &ApiState,
    (caller, charged): (&Caller, Charged),
    request_id: &str,
    plan: Plan,
) -> (Answer, u32) {
    let Plan {
        operation,
        document,
        cost,
    } = plan;
    let Operation {
        query,
        name,
        variables,
    } = operation;
    let mut request = Request::new(query)
        .variables(variables.clone())
        .data(caller.clone())
        .data(charged)
        .data(RequestId(request_id.to_owned()));
    request.operation_name.clone_from(&name);
    request.set_parsed_query(document.clone());
    let running = AssertUnwindSafe(state.engine().execute(request)).catch_unwind();
    let response = match tokio::time::timeout(state.config().execution_max, running).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            tracing::error!(request_id, "a resolver panicked");
            return (Answer::problem(Problem::internal()), cost);
        }
        Err(_) => {
            let message = "The query took too long and was stopped.";
            return (
                Answer::problem(Problem::new(Code::QueryTimeout, message)),
                cost,
            );
        }
    };
    match sort(response, request_id) {
        Outcome::Refused(errors) => (Answer::refused(errors), 1),
        Outcome::Ran(data, errors) => {
            let spent = choose(&document, name.as_deref()).map_or(u64::from(cost), |operation| {
                let table = &state.config().costs;
                let variables = &variables;
                actual(
                    &Priced {
                        table,
                        document: &document,
                        operation,
                        variables,
                    },
                    &data,
                )
            });
            let spent = u32::try_from(spent).unwrap_or(u32::MAX);
            (Answer::ran(data, errors), spent)
        }
    }
}
