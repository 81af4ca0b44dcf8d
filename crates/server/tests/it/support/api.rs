//! The API as a program sees it.

use serde_json::Value;

/// A server's API with a token.
#[derive(Clone)]
pub struct Api {
    agent: ureq::Agent,
    url: String,
    token: Option<String>,
}

impl Api {
    /// `url` without a path.
    pub fn new(url: &str, token: Option<&str>) -> Api {
        let agent =
            ureq::Agent::config_builder().http_status_as_error(false).max_idle_connections(0).build().new_agent();
        Api { agent, url: url.to_owned(), token: token.map(str::to_owned) }
    }

    /// The same API with another token, or with none.
    pub fn with_token(&self, token: Option<&str>) -> Api {
        Api { token: token.map(str::to_owned), ..self.clone() }
    }

    /// A new token of a tenant.
    pub fn token(&self, tenant: &str, role: &str) -> String {
        let body = serde_json::json!({"tenant": tenant, "role": role});
        let (status, answer) = self.call("POST", "/api/dinrail/v1/tokens", Some(body));
        assert_eq!(status, 201, "{answer}");
        answer["token"].as_str().unwrap().to_owned()
    }

    /// GET below `/api/dinrail/v1`; has to be 200.
    pub fn get(&self, path: &str) -> Value {
        let (status, answer) = self.call("GET", &format!("/api/dinrail/v1{path}"), None);
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// POST below `/api/dinrail/v1`; has to be 2xx.
    pub fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.call("POST", &format!("/api/dinrail/v1{path}"), Some(body));
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        answer
    }

    /// Any call: its status, and its answer as JSON, or as a text that is none.
    pub fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let text = body.map(|body| body.to_string()).unwrap_or_default();
        let mut response =
            self.agent.run(request.body(text).unwrap()).unwrap_or_else(|cause| panic!("{path}: {cause}"));
        let text = response.body_mut().read_to_string().unwrap();
        (response.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// Values of a data point in the order of their times.
    pub fn values(&self, client_id: &str, data_point: &str) -> Vec<String> {
        let answer = self.get(&format!("/agents/{client_id}/datapoints/{data_point}/samples?limit=10000"));
        let samples = answer["samples"].as_array().unwrap();
        samples.iter().map(|sample| sample["value"].as_str().unwrap().to_owned()).collect()
    }
}
