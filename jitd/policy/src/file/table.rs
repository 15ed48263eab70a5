//! A table where a table belongs.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::de::{MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};

use super::syntax::{
    AuditSyntax, AutoApproveSyntax, BreakGlassSyntax, BudgetSyntax, DefaultsSyntax, PeopleSyntax,
    ReasonSyntax, RequirementSyntax, RoleSyntax, TicketSyntax,
};

/// What is read from a table alone: serde by itself also takes a list for one, its values by
/// their order.
#[derive(Debug, Clone, Default)]
pub(super) struct Table<T>(T);

/// What a table looks like, for whoever wrote something else.
pub(super) trait Shape {
    const SHAPE: &'static str;
}

macro_rules! shapes {
    ($($table:ty: $shape:literal,)*) => {
        $(impl Shape for $table {
            const SHAPE: &'static str = $shape;
        })*
    };
}

shapes! {
    RoleSyntax: "a table: [role.NAME]",
    DefaultsSyntax: "a table: [defaults]",
    AuditSyntax: "a table: [audit]",
    PeopleSyntax: r#"a table like { groups = ["admins"], users = ["alice"] }"#,
    RequirementSyntax: r#"a table like { groups = ["dba"], count = 1 }"#,
    ReasonSyntax: "a table like { required = true, min_length = 10 }",
    TicketSyntax: r#"a table like { required = true, pattern = "^OPS-[0-9]+$" }"#,
    BudgetSyntax: r#"a table like { time = "8h", per = "24h" }"#,
    AutoApproveSyntax: r#"a table like { days = "Mon-Fri", hours = "09:00-17:00", timezone = "Europe/Berlin" }"#,
    BreakGlassSyntax: r#"a table like { groups = ["oncall"], max_duration = "1h" }"#,
}

impl<T> Deref for Table<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<'de, T: Deserialize<'de> + Shape> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Only<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de> + Shape> Visitor<'de> for Only<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(T::SHAPE)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer.deserialize_map(Only(PhantomData)).map(Table)
    }
}
